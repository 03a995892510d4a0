"""Who may be in which room: access codes, presence and the room quota.

It keeps codes in memory as they are on the disk, and writes each change to the store
first; it never sees HTTP. `code_registry.Directory` holds the codes,
`invitation.Invitation` asks for one, `presence` notes who is here and limits their
calls, and `room_quota` counts rooms.
"""
