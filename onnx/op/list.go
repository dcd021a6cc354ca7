package op

// All returns every operator that is understood. A new one is a file and a line
// here.
func All() []*Spec {
	return []*Spec{
		add(),
		averagePool(),
		batchNormalization(),
		cast(),
		clip(),
		concat(),
		constant(),
		constantOfShape(),
		conv(),
		div(),
		dropout(),
		flatten(),
		gather(),
		gemm(),
		globalAveragePool(),
		identity(),
		logSoftmax(),
		lrn(),
		matMul(),
		maxPool(),
		multiply(),
		pow(),
		reduceMean(),
		relu(),
		reshape(),
		shape(),
		sigmoid(),
		slice(),
		softmax(),
		sqrt(),
		squeeze(),
		sub(),
		sum(),
		tanh(),
		transpose(),
		unsqueeze(),
	}
}

// specs is All by name. It is never written to.
var specs = func() map[string]*Spec {
	m := map[string]*Spec{}
	for _, s := range All() {
		m[s.Type] = s
	}
	return m
}()

// Find returns the operator called name, or nil.
func Find(name string) *Spec { return specs[name] }
