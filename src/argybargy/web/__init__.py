"""The relay over HTTP: who asks, what is asked, and how the answer looks.

Every endpoint is written once, as a function from a small request value to an
answer (``agents``, ``operator``, ``open``), and listed once, in ``routes``. A
Quart-Trio app serves them all and describes them; a lane in front of it serves
the agents' own endpoints without Quart's dispatch. Both call the same functions.
"""
