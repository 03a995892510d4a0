"""Stores: what lasts of rooms, codes and the audit log.

A store makes writes durable and reads them back; it decides nothing. `protocol.Store`
says what every store does, `errors` how it fails, and `data_directory` is the folder
that a relay owns: its lock, its files and the address it listens on. `memory` and
`sqlite` are the two stores.
"""
