"""Windows by event time: late calls, clock skew, many label sets."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from otel_llm.genai import Call
from otel_llm.stats import Selection, Tally, Windows
from otel_llm.stats.window import OVERFLOW, Window, step_for

from .calls import call

NOW = 1_000_000.0


def _calls_in(windows: Windows, window: Window, now: float) -> dict[tuple[str, ...], int]:
    windows.advance(now)
    return {key: series.total.calls for key, series in window}


def test_a_call_counts_until_its_window_has_passed_and_never_longer():
    windows = Windows()
    window = windows.open(Selection(), 300)
    windows.observe([call(NOW)], NOW)

    seen = [_calls_in(windows, window, NOW + after) for after in (0, 289, 300)]

    assert seen == [{(): 1}, {(): 1}, {}]


@pytest.mark.parametrize("length", [1, 60, 300, 3600, 86_400, 8 * 86_400])
@pytest.mark.parametrize("seed", range(3))
def test_a_window_holds_what_a_plain_list_would_within_one_step(length: float, seed: int):
    chance = random.Random(seed)
    windows = Windows()
    window = windows.open(Selection(), length)
    windows.open(Selection(group_by=("model",)), 60)  # its step cuts time finer
    ends: list[float] = []

    now = NOW
    for _ in range(200):
        now += chance.random() * length / 50
        ends.append(now - chance.random() ** 4 * length)
        windows.observe([call(ends[-1])], now)
        counted = sum(_calls_in(windows, window, now).values())

        at_most = sum(end > now - length for end in ends)
        at_least = sum(end > now - length + 2 * step_for(length) for end in ends)
        assert at_least <= counted <= at_most


def test_what_a_start_tells_of_days_is_counted_by_the_hour_and_lies_where_it_would():
    told, alone, taken = Windows(), Windows(), list[float]()
    lengths = (300, 3_600, 86_400, 8 * 86_400)
    windows = [told.open(Selection(), length) for length in lengths]
    told.follow(("model",), lambda _, at, *rest: taken.append(at))
    days = [
        call(NOW - 8 * 86_400 + n * 97, cost=n / 1e6, took_s=1 + n / 1e6)
        for n in range(8 * 86_400 // 97)
    ]

    told.observe(days, NOW)
    told.advance(NOW)

    for length, window in zip(lengths, windows, strict=True):
        other = alone.open(Selection(), length)
        alone.observe(days, NOW)
        alone.advance(NOW)
        assert {k: s.steps for k, s in window} == {k: s.steps for k, s in other}
        alone.keep([])
    hours = {int(one.end_ns // 3_600e9) for one in days}
    assert {int(at // 3_600) for at in taken} == hours
    assert len(taken) < 300 < len(days)


def test_a_late_call_is_put_where_it_belongs_and_leaves_with_its_time():
    windows = Windows()
    window = windows.open(Selection(), 300)
    windows.observe([call(NOW)], NOW)
    windows.advance(NOW + 100)

    windows.observe([call(NOW - 100)], NOW + 100)

    assert _calls_in(windows, window, NOW + 100) == {(): 2}
    assert _calls_in(windows, window, NOW + 210) == {(): 1}


def test_a_call_from_before_the_window_is_counted_as_late_and_nowhere_else():
    windows = Windows()
    window = windows.open(Selection(), 300)
    windows.advance(NOW)

    windows.observe([call(NOW - 400)], NOW)

    assert _calls_in(windows, window, NOW) == {}
    assert windows.late == 1


def test_a_sender_whose_clock_is_ahead_does_not_stay_longer_than_others():
    windows = Windows()
    window = windows.open(Selection(), 300)

    windows.observe([call(NOW + 86_400)], NOW)

    assert _calls_in(windows, window, NOW) == {(): 1}
    assert _calls_in(windows, window, NOW + 301) == {}


def test_a_sender_whose_clock_was_never_set_is_counted_now():
    windows = Windows()
    window = windows.open(Selection(), 300)

    windows.observe([call(3_600.0), call(1_790_000_000.0)], 1_790_000_010.0)
    windows.advance(1_790_000_010.0)

    assert (window.get(()).total.calls, windows.late) == (2, 0)


def test_calls_are_filtered_and_grouped_and_unknown_is_the_empty_label():
    windows = Windows()
    selection = Selection({"environment": "!dev", "model": "gpt-4*|claude-?"}, ("team", "tag.tier"))
    window = windows.open(selection, 300)

    windows.observe(
        [
            call(NOW, team="search", tags={"tier": "free"}),
            call(NOW, response_model="claude-5"),
            call(NOW, response_model="claude-55"),
            call(NOW, environment="dev"),
        ],
        NOW,
    )

    assert _calls_in(windows, window, NOW) == {("search", "free"): 1, ("", ""): 1}
    assert [selection.labels(key) for key, _ in window] == [
        {"team": "search", "tag.tier": "free"},
        {},
    ]


def test_agents_and_tools_are_left_out_unless_the_operation_is_asked_for():
    windows = Windows()
    models, tools = Selection(), Selection({"operation": "execute_tool"})
    all_models, all_tools = windows.open(models, 300), windows.open(tools, 300)
    calls = [call(NOW, operation=name) for name in ("chat", "invoke_agent", "execute_tool")]

    windows.observe(calls, NOW)

    assert _calls_in(windows, all_models, NOW) == {(): 1}
    assert _calls_in(windows, all_tools, NOW) == {(): 1}


def test_too_many_label_sets_are_counted_as_one_and_none_is_lost():
    windows = Windows(max_series=10)
    selection = Selection(group_by=("user",))
    window = windows.open(selection, 300)

    windows.observe([call(NOW, user_id=f"u{i}") for i in range(100)], NOW)

    counts = _calls_in(windows, window, NOW)
    assert (len(counts), sum(counts.values()), window.overflowed) == (11, 100, 90)
    assert selection.labels((OVERFLOW,)) == {OVERFLOW: "true"}


def test_a_label_set_that_is_gone_makes_room():
    windows = Windows(max_series=1)
    window = windows.open(Selection(group_by=("user",)), 300)
    windows.observe([call(NOW, user_id="a")], NOW)
    windows.advance(NOW)

    windows.observe([call(NOW + 400, user_id="b")], NOW + 400)

    assert _calls_in(windows, window, NOW + 400) == {("b",): 1}


def test_the_same_window_is_shared_and_one_that_nobody_wants_is_closed():
    windows = Windows()
    first = windows.open(Selection({"team": "a"}, ("model",)), 300)

    assert windows.open(Selection({"team": "a"}, ("model",)), 300) is first
    windows.keep([])
    assert windows.longest_s == 0.0


def test_label_values_lose_control_characters_and_length():
    windows = Windows()
    window = windows.open(Selection(group_by=("user",)), 300)

    windows.observe([call(NOW, user_id="a\nb\x00" + "c" * 500)], NOW)

    assert list(_calls_in(windows, window, NOW)) == [("ab" + "c" * 196,)]


def test_an_unknown_dimension_is_named_with_what_was_meant():
    with pytest.raises(ValueError, match="unknown: modle; did you mean 'model'"):
        Selection(group_by=("modle",))


def test_the_example_of_a_window_leaves_with_its_step():
    windows = Windows()
    window = windows.open(Selection(), 300)
    slow, later = call(NOW, took_s=30), call(NOW + 200, took_s=2)
    windows.observe([slow, later], NOW + 200)

    windows.advance(NOW + 200)
    before = window.get(()).example("slow")
    windows.advance(NOW + 310)

    assert (before, window.get(()).example("slow")) == (slow.trace_id, later.trace_id)


@pytest.mark.parametrize("most", [5, 100])
@pytest.mark.parametrize("seed", range(20))
def test_many_windows_over_one_stream_hold_what_each_would_hold_alone(seed: int, most: int):
    chance = random.Random(seed)
    wanted = [(_any_selection(chance), chance.choice([60, 300, 3_600, 86_400])) for _ in range(6)]
    together = Windows(max_series=most)
    together.follow(("user", "team"), lambda *_: None)
    shared = [together.open(*one) for one in wanted]
    alone = [Windows(max_series=most) for _ in wanted]
    single = [windows.open(*one) for windows, one in zip(alone, wanted, strict=True)]

    for now in (NOW, NOW + 40, NOW + 5, NOW + 5, NOW + 4_000):  # set back once
        calls = [_any_call(chance) for _ in range(20)]
        for windows in (together, *alone):
            windows.observe(calls, now)
            windows.advance(now)

        assert [_held(window) for window in shared] == [_held(window) for window in single]


def _any_selection(chance: random.Random) -> Selection:
    patterns = {"team": "a|b", "model": "!a", "operation": chance.choice(["chat", "*"])}
    names = chance.sample([*patterns], chance.randrange(3))
    grouped = chance.sample(["user", "team", "model", "tag.tier"], chance.randrange(4))
    return Selection({name: patterns[name] for name in names}, tuple(grouped))


def _any_call(chance: random.Random) -> Call:
    return call(
        NOW + 60 - 7_000 * chance.random() ** 4,
        took_s=chance.uniform(1, 9),
        cost=chance.random(),
        user_id=chance.choice(["x", "y", "z", None]),
        team=chance.choice(["a", "b", None]),
        request_model=chance.choice(["gpt-4o", "a"]),
        operation=chance.choice(["chat", "chat", "execute_tool"]),
        tags=chance.choice([{}, {"tier": "free"}]),
        error_type=chance.choice([None, "timeout"]),
    )


def _held(window: Window) -> tuple[object, ...]:
    """All that a window says; a sum holds what is in its steps, and nothing else."""
    for _, series in window:
        whole = Tally()
        for tally in series.steps.values():
            whole.merge(tally)
        assert _sums(whole) == _sums(series.total)
    found = {key: (series.steps, _sums(series.total), series.oldest) for key, series in window}
    return found, window.overflowed


def _sums(tally: Tally) -> Tally:
    """All but the examples, which are never taken away."""
    return replace(tally, examples={}, flags={flag: n for flag, n in tally.flags.items() if n})
