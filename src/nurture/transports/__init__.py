"""The only sockets: mail out by SendGrid, SMTP or into a folder, webhooks out through one door.

A transport answers for every message what is certain: accepted, refused, uncertain, or that
nothing leaves for now. It decides nothing; `sendgrid_events` and `signing` read what comes back.
"""
