"""Why a call ended: the Q.850 causes that have a name here, each under one."""

NORMAL_CLEARING = 16
USER_BUSY = 17
NO_ANSWER = 19
ABSENT = 20  # subscriber absent: no phone is registered, or it is switched off
REJECTED = 21
NUMBER_CHANGED = 22  # no longer in use; Asterisk refuses with 410 Gone
NO_CHANNEL = 34
TEMPORARY_FAILURE = 41
CHANNEL_LOST = 44  # the one that was asked for is not available: Asterisk's word for one that it ended by itself
