"""Every verb of the command line, and where it is."""

from __future__ import annotations

from typing import Annotated

import typer

import nurture
from nurture.cli import (
    account_commands,
    apply_command,
    check_command,
    definitions_command,
    demo_command,
    doctor_command,
    handoff_commands,
    import_command,
    init_command,
    lead_actions,
    lead_add,
    lead_list,
    lead_show,
    lead_steps,
    list_commands,
    message_commands,
    override_commands,
    preview_command,
    pull_command,
    rematch_command,
    reply_command,
    report_command,
    retry_command,
    score_backtest,
    score_commands,
    score_compare,
    segment_commands,
    sending_commands,
    serve_command,
    sign_command,
    signal_command,
    task_commands,
    tick_commands,
    unbounce_command,
    up_command,
    verify_command,
    why_command,
)
from nurture.cli.verb import Verb, group

app = typer.Typer(
    name="nurture",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"nurture {nurture.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Lead nurturing as code: from first contact to sales, or to a good end."""


_START = "Begin"
_PROJECT = "The project's files"
_LEADS = "Leads"
_WORK = "The work"
_LOOK = "Look"

app.command("init", cls=Verb, rich_help_panel=_START)(init_command.init)
app.command("demo", cls=Verb, rich_help_panel=_START)(demo_command.demo)
app.command("up", cls=Verb, rich_help_panel=_START)(up_command.up)
app.command("serve", cls=Verb, rich_help_panel=_START)(serve_command.serve)

app.command("check", cls=Verb, rich_help_panel=_PROJECT)(check_command.check)
app.command("preview", cls=Verb, rich_help_panel=_PROJECT)(preview_command.preview)
app.command("sign", cls=Verb, rich_help_panel=_PROJECT)(sign_command.sign)
app.command("apply", cls=Verb, rich_help_panel=_PROJECT)(apply_command.apply)

app.command("import", cls=Verb, rich_help_panel=_LEADS)(import_command.import_leads)
app.command("signal", cls=Verb, rich_help_panel=_LEADS)(signal_command.signal)
app.command("reply", cls=Verb, rich_help_panel=_LEADS)(reply_command.reply)
app.command("why", cls=Verb, rich_help_panel=_LEADS)(why_command.why)

lead = group("lead", "Read about leads, and decide about one.")
lead.command("list", cls=Verb)(lead_list.list_leads)
lead.command("show", cls=Verb)(lead_show.show)
lead.command("why", cls=Verb)(why_command.why)
lead.command("steps", cls=Verb)(lead_steps.steps)
lead.command("add", cls=Verb)(lead_add.add)
lead.command("join", cls=Verb)(account_commands.join)
lead.command("pause", cls=Verb)(lead_actions.pause)
lead.command("resume", cls=Verb)(lead_actions.resume)
lead.command("exit", cls=Verb)(lead_actions.leave)
lead.command("revive", cls=Verb)(lead_actions.revive)
lead.command("unbounce", cls=Verb)(unbounce_command.unbounce)
lead.command("move", cls=Verb)(override_commands.move)
lead.command("waive", cls=Verb)(override_commands.waive)
lead.command("temperature", cls=Verb)(override_commands.temperature)
lead.command("commit", cls=Verb)(override_commands.commit)
lead.command("take-back", cls=Verb)(override_commands.take_back)
lead.command("overrides", cls=Verb)(override_commands.overrides)
lead.command("export", cls=Verb)(lead_show.export)
lead.command("erase", cls=Verb)(lead_actions.erase)
app.add_typer(lead, rich_help_panel=_LEADS)

account = group("account", "Read about organizations, and put them on the target list.")
account.command("list", cls=Verb)(account_commands.list_accounts)
account.command("show", cls=Verb)(account_commands.show)
account.command("import", cls=Verb)(account_commands.import_accounts)
account.command("rematch", cls=Verb)(rematch_command.rematch)
app.add_typer(account, rich_help_panel=_LEADS)

segment = group("segment", "Count segments, and say why somebody is in one.")
segment.command("list", cls=Verb)(segment_commands.list_segments)
segment.command("count", cls=Verb)(segment_commands.count)
segment.command("changes", cls=Verb)(segment_commands.changes)
segment.command("explain", cls=Verb)(segment_commands.explain)
segment.command("import", cls=Verb)(list_commands.import_list)
segment.command("remove", cls=Verb)(list_commands.remove)
app.add_typer(segment, rich_help_panel=_LEADS)

score = group("score", "Explain scores row by row, and test how good they are.")
score.command("explain", cls=Verb)(score_commands.explain)
score.command("backtest", cls=Verb)(score_backtest.backtest)
score.command("compare", cls=Verb)(score_compare.compare)
score.command("half-life", cls=Verb)(score_backtest.half_life)
app.add_typer(score, rich_help_panel=_LEADS)

app.command("tick", cls=Verb, rich_help_panel=_WORK)(tick_commands.tick)
app.command("deliver", cls=Verb, rich_help_panel=_WORK)(tick_commands.deliver)
app.command("sunset", cls=Verb, rich_help_panel=_WORK)(tick_commands.sunset)
app.command("rebuild", cls=Verb, rich_help_panel=_WORK)(tick_commands.rebuild)

handoff = group("handoff", "See what sales was handed, send it again, try an endpoint.")
handoff.command("list", cls=Verb)(handoff_commands.list_handoffs)
handoff.command("show", cls=Verb)(handoff_commands.show)
handoff.command("replay", cls=Verb)(handoff_commands.replay)
handoff.command("test", cls=Verb)(handoff_commands.trial)
app.add_typer(handoff, rich_help_panel=_WORK)

message = group("message", "See mail that stands still, settle doubts, try failed mail again.")
message.command("list", cls=Verb)(message_commands.list_messages)
message.command("resolve", cls=Verb)(message_commands.resolve)
message.command("retry", cls=Verb)(retry_command.retry)
app.add_typer(message, rich_help_panel=_WORK)

task = group("task", "See what people are asked to do, and mark it as done.")
task.command("list", cls=Verb)(task_commands.list_tasks)
task.command("show", cls=Verb)(task_commands.show)
task.command("done", cls=Verb)(task_commands.done)
app.add_typer(task, rich_help_panel=_WORK)

sending = group("sending", "Stop all mail, and let it go on.")
sending.command("pause", cls=Verb)(sending_commands.pause)
sending.command("resume", cls=Verb)(sending_commands.resume)
sending.command("status", cls=Verb)(sending_commands.status)
sending.command("pull", cls=Verb)(pull_command.pull)
sending.command("late", cls=Verb)(sending_commands.late)
app.add_typer(sending, rich_help_panel=_WORK)

app.command("report", cls=Verb, rich_help_panel=_LOOK)(report_command.report)
app.command("definitions", cls=Verb, rich_help_panel=_PROJECT)(definitions_command.definitions)
app.command("verify", cls=Verb, rich_help_panel=_LOOK)(verify_command.verify)
app.command("doctor", cls=Verb, rich_help_panel=_LOOK)(doctor_command.doctor)
