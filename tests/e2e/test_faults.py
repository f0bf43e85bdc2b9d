"""Nothing that was acknowledged is lost. ``make soak`` runs the long form."""

from __future__ import annotations

from pathlib import Path

from .faults import Attack


def test_what_was_acknowledged_arrives_through_kills_dead_destinations_and_a_full_disk(
    tmp_path: Path,
):
    with Attack(tmp_path) as attack:
        attack.produce()
        for _ in range(2):
            attack.disturb(0.7)
            attack.kill()
        attack.fill_disk(0.5)
        attack.disturb(0.3)
        attack.kill()
        attack.calm()
        before = len(attack.oracle.acknowledged)
        attack.produce()
        attack.disturb(0)
        attack.calm()

        assert [attack.missing(destination) for destination in range(2)] == [set(), set()]
        for destination in range(2):
            judged = attack.judge(destination)
            assert judged.delivered.keys() <= attack.oracle.issued.keys()
            assert judged.changed == []
        assert 100 < before < len(attack.oracle.acknowledged), "too little went through to tell"
