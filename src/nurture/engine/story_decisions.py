"""Tell what was decided: sequences, mails, tasks, gates, stages and handoffs, each with its why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nurture.core.assess import Move, MoveReason
from nurture.core.condition import Ref, refs_of
from nurture.core.enrollment import Enrollment
from nurture.core.lead import QUALIFYING_GATES, Gate, Stage, Trait, Verdict
from nurture.core.message import DeliveryState, MessageState
from nurture.core.sequence import FormStep, Step, TaskStep, WaitStep
from nurture.engine.moments import say_seconds
from nurture.engine.person import Person
from nurture.engine.story_lines import LineKind, StoryLine, one_line
from nurture.engine.words import both
from nurture.store.handoffs import Handoff
from nurture.store.lead_story import Mail
from nurture.store.records import DecisionRecord, Task
