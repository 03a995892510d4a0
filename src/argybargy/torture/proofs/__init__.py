"""The proofs, one promise a file.

Each module has one function ``prove``, which takes a stage and returns a finding; none
imports another. `argybargy.torture.promises` lists them.
"""
