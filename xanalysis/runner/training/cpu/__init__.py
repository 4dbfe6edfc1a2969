"""Encoder layers on CPUs: compiled kernels, and parts of a batch walking through the layers."""
