"""What the two ends of a channel between processes say to each other."""

from __future__ import annotations

import pickle

from tests.sessions.nodes.channel_schedules import Schedule


def test_all_messages_pickle() -> None:
    seen = set()
    for seed in range(60):
        schedule = Schedule(seed)
        schedule.run()
        for _, _, message in schedule.network.sent:
            seen.add(type(message).__name__)
            assert pickle.loads(pickle.dumps(message)) == message

    assert seen >= {"Wants", "Records", "GivesBack", "Asks", "Accepts", "Expects", "Settles", "Ends", "Closes"}
    assert seen >= {"Grants", "Recalls", "Delivers", "Closed", "Drained"}
