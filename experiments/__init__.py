"""Who gets which arm, and what did it do? Experiments, layers, holdouts, exposures, read-outs."""
