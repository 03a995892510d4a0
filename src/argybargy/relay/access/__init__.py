"""Access to rooms: codes, presence, and limits on what one peer may use.

Codes are kept in memory as they are on the disk, and each change is stored first. The
package never sees HTTP. `code_registry.CodeRegistry` holds the codes, with
`code_lifetimes` for their expiry, `issued_secrets` for ended ones and
`name_reservations` for names about to be given; `invitation.Invitation` asks for a
code. `invite_registry.InviteRegistry` holds invites, each exchanged once for a code.
`presence` has the latest request of each peer, `request_limits` and
`concurrency_limit` bound its requests, and `room_quota` counts rooms.
"""
