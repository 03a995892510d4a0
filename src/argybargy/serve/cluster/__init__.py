"""A cluster to try out: PostgreSQL, nodes and a balancer on one machine.

=========== ========================================================================
`programs`  finds the programs, and says how to install those that are missing
`configs`   the configuration of each balancer
`child`     one child process, restarted when it dies
`restarts`  when it is restarted, and when it is given up
`guard`     ends the children when the cluster itself is killed
`cluster`   all of it, started and ended in order
=========== ========================================================================
"""
