"""Asterisk's configuration, rendered from `config/`: the hotline's switch, and the demo town that plays carrier and city."""
