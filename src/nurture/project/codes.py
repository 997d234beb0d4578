"""Codes of everything that can be wrong in a project; docs/reference/checks.md explains each."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """What a finding is about. A code keeps its meaning for ever; a retired one is not reused."""

    # How a file is written.
    YAML_SYNTAX = "Y001"
    YAML_ALIAS = "Y002"
    YAML_TAG = "Y003"
    YAML_MERGE = "Y004"
    YAML_DUPLICATE = "Y005"
    YAML_TOO_LARGE = "Y006"
    YAML_KEY = "Y007"
    YAML_DOCUMENT = "Y008"
    YAML_NUMBER = "Y009"

    # Which files there are, and what they take from the environment.
    FILE_MISSING = "P001"
    FILE_ENCODING = "P002"
    FILE_OUTSIDE = "P003"
    FILE_NAME = "P004"
    FILE_NOT_READ = "P005"
    FILE_TWIN = "P006"
    ENVIRONMENT_UNSET = "P007"
    ENVIRONMENT_SYNTAX = "P008"
    SECRET_LITERAL = "P009"
    FRONT_MATTER = "P010"
    SECRET_FORM = "P011"
    ENDPOINT_INSECURE = "P012"

    # The shape of one file.
    UNKNOWN_KEY = "F001"
    MISSING_KEY = "F002"
    WRONG_TYPE = "F003"
    NOT_A_CHOICE = "F004"
    OUT_OF_RANGE = "F005"
    MALFORMED = "F006"
    CONTRADICTION = "F007"
    STEP_KIND = "F008"

    # Conditions.
    CONDITION_SYNTAX = "E001"
    CONDITION_LANGUAGE = "E002"
    CONDITION_NAME = "E003"
    CONDITION_TYPE = "E004"
    CONDITION_CHOICE = "E005"
    CONDITION_FUNCTION = "E006"
    CONDITION_ARGUMENTS = "E007"
    CONDITION_UNKNOWN = "E008"
    CONDITION_CIRCLE = "E009"
    CONDITION_TOO_LARGE = "E010"
    CONDITION_OPERATOR = "E011"
    CONDITION_SEGMENT = "E012"
    CONDITION_SLOW = "E013"

    # Sequences.
    UNKNOWN_TEMPLATE = "S001"
    UNKNOWN_FORM = "S002"
    UNKNOWN_ENDPOINT = "S003"
    UNKNOWN_WINDOW = "S004"
    UNKNOWN_TOPIC = "S005"
    UNKNOWN_STEP = "S006"
    UNBOUNDED_GOTO = "S007"
    LOOP_WITHOUT_WAIT = "S008"
    UNREACHABLE_STEP = "S009"
    DUPLICATE_STEP = "S010"
    ENTRY_NEVER = "S011"
    EXIT_AT_ENTRY = "S012"
    FORM_URL_MISSING = "S013"
    FORM_URL_UNBACKED = "S014"
    MAIL_WITHOUT_TOPIC = "S015"
    SET_FIELD = "S016"
    BRANCH_WITHOUT_ELSE = "S017"
    SAME_PRIORITY = "S018"

    # Mails.
    NO_UNSUBSCRIBE = "M001"
    NO_ADDRESS = "M002"
    UNUSED_TEMPLATE = "M003"
    TEMPLATE_FLAW = "M004"
    UNKNOWN_PARTIAL = "M005"

    # Qualification.
    UNSIGNED = "Q001"
    BANDS = "Q002"
    NOT_DESCENDING = "Q003"
    OUT_OF_REACH = "Q004"
    QUALIFIES_ALONE = "Q005"
    DECAYING_PENALTY = "Q006"
    SILENT_FOREVER = "Q007"
    UNKNOWN_FIELD = "Q008"
    FIELD_UNSUITED = "Q009"
    WEIGHTS = "Q010"
    READS_AHEAD = "Q011"
    UNREACHABLE_RULE = "Q012"
    GROUP_MAXIMUM = "Q013"
    NO_PENALTY = "Q014"
    DUPLICATE_RULE = "Q015"
    UNKNOWN_SUBJECT = "Q016"
    ALWAYS_FULL = "Q017"
    WITHOUT_ZERO = "Q018"
    IDLE_RULE = "Q019"

    # Stages and signatures.
    UNKNOWN_STAGE = "T001"
    STAGE_CIRCLE = "T002"
    STAGE_UNREACHABLE = "T003"
    STAGE_ENTRY = "T004"
    STAGE_MOVE = "T005"
    CHANGED_SINCE = "T006"
    NO_RIGHT_YES = "T007"
    NO_DATE = "T008"

    # Personas.
    PERSONA_SILENT = "A001"
    PERSONA_NOBODY = "A002"
    PERSONA_READS = "A003"

    # Budget, authority, need, timeline.
    BANT_RULE = "B001"
    BANT_CONDITION = "B002"
    BANT_ASKED_BY_GATE = "B003"
    BANT_ASKED_BY_FORM = "B004"
