"""Asterisk's configuration, rendered from `config/`: the hotline's switch, and the town that plays carrier and city."""
