"""Channels whose nodes are apart: one node owns the queue, and the others have stand-ins for it.

Both are blob queues, on which the ordinary operators work; `taskplan.sessions.nodes.channel_messages` has what they say
to each other. Nothing here blocks, and nothing knows of sockets or threads: all methods are attempts under the object's
lock, as `taskplan.operators.waiting` describes them, and so is `receive`. What they promise:

- The capacity is exact: records in the queue, records lent to readers, and credits are together no more than it.
- When nothing is under way, whoever waits to put finds the channel full, and whoever waits to take finds it empty.
- Room goes in turn to all who want it, and whoever holds it without need gives it back.
- What a stand-in took is delivered: readers see the end when nothing can come any more. After a failure, at once.
"""

from taskplan.sessions.nodes.owned_channel import OwnedChannel
from taskplan.sessions.nodes.remote_channel import RemoteChannel

__all__ = ["OwnedChannel", "RemoteChannel"]
