"""One axis at a time: up to which bits, sparsity, number of tools or context an agent holds."""
