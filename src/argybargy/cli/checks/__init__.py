"""What ``argybargy doctor`` looks at, one module for each thing.

Each of them looks first, which may fail, and judges then, which is pure: facts in,
findings out.
"""
