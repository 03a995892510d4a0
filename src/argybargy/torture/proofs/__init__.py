"""The proofs, one promise a file.

Each module has one function ``prove``, which takes a `ProofEnvironment` and returns a
`ProofResult`. `argybargy.torture.promises` lists them.
"""
