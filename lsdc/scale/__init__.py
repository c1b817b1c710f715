"""Folds, configs and shards of studies as tasks on local processes or Slurm, through submitit. An optional extra."""
