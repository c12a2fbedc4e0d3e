"""The people of the demo town: SIP phones in Python, with real sound, for `hotline call`, demo agents and the tests.

The town stands on the other side of the wire: it knows nothing of calls, the Floor or the controller, and meets the
engine only as a citizen or an agent does, by SIP and RTP.  No library on PyPI drives many phones with sound in one
process and lets a phone fall silent, refuse or die at a chosen moment; hence our own.
"""
