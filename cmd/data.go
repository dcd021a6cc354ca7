package cmd

import (
	"context"
	"net/url"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/data"
	"alexctl/fault"
)

func (a *app) dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "List datasets and fetch them",
		Long: `List the datasets that train and eval know by name, and whether each is installed.

A folder with a folder of images for each class is a dataset too, without a name:
ROOT/CLASS/IMAGE.png, or ROOT/train/CLASS/... and ROOT/test/CLASS/...`,
		Example: `  alexctl data
  alexctl data fetch fashion-mnist`,
		Args: a.noDataset,
		RunE: func(c *cobra.Command, _ []string) error { return a.listData(c.Context()) },
	}
	var from string
	fetch := &cobra.Command{
		Use:   "fetch NAME",
		Short: "Download a dataset from its authors",
		Long: `Download a dataset's files from its authors, or from a mirror, into your user cache.
The files are compared with the digests that the authors publish before they are used.
An interrupted download continues where it stopped.`,
		Example: `  alexctl data fetch fashion-mnist
  alexctl data fetch cifar10 --from https://mirror.example/cifar/`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one dataset: %s", c.UseLine())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.fetchData(c.Context(), args[0], from, c.Flags().Changed("from"))
		},
	}
	fetch.Flags().StringVar(&from, "from", "", "URL of a folder that holds the same files")
	c.AddCommand(fetch)
	return c
}

func (a *app) noDataset(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unknown command %q: want fetch, or nothing for the list (see: %s --help)", args[0], c.CommandPath())
	}
	return nil
}

// listed is one dataset of data's JSON result.
type listed struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Origin  string `json:"origin"` // where it is, "" where it is not here
	Reason  string `json:"reason"` // why it is not
}

func (a *app) listData(ctx context.Context) error {
	t := newTable(table.Row{"dataset", "what it is", "here"})
	var list []listed
	for _, d := range data.Names() {
		l := listed{Name: d[0], Summary: d[1]}
		if set, err := a.openData(ctx, d[0], data.Options{}); err == nil {
			l.Origin = set.Origin
		} else {
			l.Reason = err.Error()
		}
		list = append(list, l)
		here := l.Origin
		if here == "" {
			here = "no"
		}
		t.AppendRow(table.Row{l.Name, l.Summary, here})
	}
	if a.json {
		return a.printJSON(list)
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	a.next("alexctl train --data sample")
	return nil
}

// fetched is the JSON result of data fetch.
type fetched struct {
	Name   string `json:"name"`
	Folder string `json:"folder"`
}

func (a *app) fetchData(ctx context.Context, name, from string, given bool) error {
	if u, err := url.Parse(from); (from != "" || given) && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return usage("--from %q: want the http or https URL of a folder", from)
	}
	cache, err := dataCache()
	if err != nil {
		return err
	}
	bars := map[string]*progress{}
	shown := map[string]int64{}
	dir, err := data.Fetch(ctx, name, from, data.Options{Cache: cache}, func(file string, done, size int64) {
		if bars[file] == nil {
			a.say("%s, %s bytes", file, thousands(size))
			bars[file] = a.progress(int(size), file)
		}
		bars[file].add(int(done - shown[file]))
		shown[file] = done
		if done == size {
			bars[file].done()
		}
	})
	if err != nil {
		if fault.KindOf(err) == fault.Environment && ctx.Err() == nil {
			err = fault.New(fault.Environment, "%w", err).Hint(fault.Hint{Text: "alexctl data fetch --from names another place that has the same files; a proxy is taken from HTTPS_PROXY"})
		}
		return err
	}
	if a.json {
		err = a.printJSON(fetched{name, dir})
	} else {
		err = a.print("%s is in %s\n", name, filepath.Clean(dir))
	}
	a.next("alexctl train --data %s", name)
	return err
}
