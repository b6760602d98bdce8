from __future__ import annotations

import pytest

from voice_slo.diagnostics import Problem, SloFileError, VoiceSloError, nearest, shown, suggest


def test_a_problem_reads_as_editors_expect_it() -> None:
    problem = Problem(
        "slos/billing.yaml", 14, 16, "slos.task-completion.objective",
        "99.9 is not between 0 and 1; write 99.9% or 0.999",
    )  # fmt: skip
    assert str(problem) == (
        "slos/billing.yaml:14:16: slos.task-completion.objective: 99.9 is not between 0 and 1; write 99.9% or 0.999"
    )


def test_a_problem_of_the_whole_file_has_no_field() -> None:
    assert str(Problem("a.yaml", 1, 1, "", "the file is empty")) == "a.yaml:1:1: the file is empty"


def test_a_warning_says_so() -> None:
    assert str(Problem("a.yaml", 2, 3, "mode", "looks odd", "warning")) == "a.yaml:2:3: warning: mode: looks odd"


def test_the_error_holds_every_problem_and_shows_one_a_line() -> None:
    problems = [Problem("a.yaml", 1, 1, "", "x"), Problem("b.yaml", 2, 2, "", "y")]
    error = SloFileError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "a.yaml:1:1: x\nb.yaml:2:2: y"
    assert isinstance(error, VoiceSloError)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("objectiv", ["objective", "objectives", "owner"], "objective"),
        ("turn-latency", ["tool_turn_latency", "turn_latency"], "turn_latency"),
        ("Segments", ["segments"], "segments"),
        ("banana", ["segments", "owner"], None),
        ("", ["segments"], None),
        ("segments", [], None),
        ("x" * 1000, ["x" * 999], None),
    ],
)
def test_nearest(word: str, known: list[str], expected: str | None) -> None:
    assert nearest(word, known) == expected


def test_among_very_many_words_only_another_spelling_of_the_same_is_near() -> None:
    many = [f"flow-{n}" for n in range(1000)]
    assert nearest("Flow_7", many) == "flow-7"
    assert nearest("flow-7x", many) is None


def test_a_suggestion_lists_what_is_allowed_unless_the_list_is_long() -> None:
    assert suggest("strickt", ["strict", "observe"]) == "did you mean strict? (allowed: strict, observe)"
    assert suggest("x", ["strict", "observe"]) == "allowed: strict, observe"
    assert suggest("x", []) == "none is declared"
    many = [f"value-{n:02}" for n in range(30)]
    assert suggest("Value_07", many) == "did you mean value-07?"
    assert suggest("x", many).endswith("value-19, …")


def test_what_is_shown_fits_on_one_line_and_drives_no_terminal() -> None:
    assert shown("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert shown("x" * 100) == "x" * 64 + "…"
    assert shown("flow 📞") == "flow 📞"
