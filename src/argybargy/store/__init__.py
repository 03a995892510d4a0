"""Durable storage of rooms, access codes and the audit log.

A store makes writes durable and reads them back; it decides nothing. `protocol` has the
interface, one part per consumer, `errors` its failures, and `data_directory` the folder
of a relay: lock, files and published address. `memory` and `sqlite` are the two
implementations.
"""
