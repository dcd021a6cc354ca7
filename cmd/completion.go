package cmd

import (
	"github.com/spf13/cobra"
)

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a shell's completion script",
		Long: `Print the completion script for a shell. bash's needs the package bash-completion. To have it
in each new shell, write it where the shell looks for such scripts:

  alexctl completion bash > ~/.local/share/bash-completion/completions/alexctl
  alexctl completion zsh > "${fpath[1]}/_alexctl"
  alexctl completion fish > ~/.config/fish/completions/alexctl.fish`,
		Example:   `  source <(alexctl completion bash)`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usage("unknown shell %q: want bash, zsh, fish or powershell", args[0])
		},
	}
}
