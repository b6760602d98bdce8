"""SLO files as text, for tests."""

from __future__ import annotations

from voice_slo.loading import load
from voice_slo.spec import SloFile

EVERY_SLI = """version: voice-slo/v1
agent: front-desk
owner: voice-platform
budget_by: BUDGET_BY
segments:
  flow: [order_status, booking, billing, faq]
  language: {en: [en-US, en-GB], es: []}
exclusions:
  - {reason: test_call, when: {call.synthetic: true}}
  - {reason: abuse, when: {call.end_reason: abuse}, units: [call, task, evaluation, escalation]}
  - reason: caller_hangup_before_greeting
    when: {call.ended_by: caller, call.first_audio: false, call.waited_seconds: {lt: 3}}
    units: [call]
slos:
  connection-success: {sli: connection_success, objective: 99.5%}
  first-audio: {sli: first_audio_success, objective: 99.5%}
  first-word: {sli: time_to_first_word, objective: 95%}
  turn-latency: {sli: turn_latency, objective: 95%}
  tool-turn-latency: {sli: tool_turn_latency, objective: 95%}
  task-completion: {sli: task_completion, objective: 90%}
  intent-accuracy: {sli: intent_accuracy, objective: 90%}
  prompt-compliance: {sli: prompt_compliance, objective: 90%}
  asr-quality: {sli: asr_quality, objective: 90%}
  escalation-correctness: {sli: escalation_correctness, objective: 97%}
  escalation-recall: {sli: escalation_recall, objective: 97%}
  unnecessary-escalation: {sli: unnecessary_escalation, objective: 97%}
  context-preserved-handoff: {sli: context_preserved_handoff, objective: 97%}
"""


def every_sli(budget_by: str = "[flow]") -> SloFile:
    """Agent front-desk with an SLO of each SLI that a call can have."""
    return one(EVERY_SLI.replace("BUDGET_BY", budget_by))


def one(text: str) -> SloFile:
    (file,) = load([("slos/test.yaml", text.encode())])
    return file
