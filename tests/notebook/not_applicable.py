"""The cases of `jupyter_kernel_test` for which this kernel has no sample, and why."""

NOT_APPLICABLE = {}
