"""`seedbed train`: fine-tune a model on a data set, and watch the job."""

from app.cli.arguments import Api, AsJson
from app.cli.output import Output
from app.cli.service.connect import connect
from app.cli.training.options import (
    BaseModelName,
    General,
    Judge,
    JudgeMaxCost,
    JudgeModel,
    OptionsFile,
    Report,
    Seed,
    SetOptions,
    Tasks,
    Wait,
    judge_of,
    options_of,
    share_replay,
    targets_of,
)
from app.cli.training.train_arguments import (
    Alpha,
    Batch,
    Dropout,
    Epochs,
    HeldOut,
    HeldOutShare,
    LearningRate,
    LearntDataset,
    LearntRun,
    Merged,
    Method,
    Packing,
    Rank,
    Replay,
    ReplayShare,
    ReviewRun,
    RowTokens,
    Steps,
    Targets,
    TaskName,
    Template,
    WhereTuned,
)
from app.cli.training.watch import Watching, watch_and_report
from app.errors import InvalidInput


def train(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: LearntDataset = None,
    run_id: LearntRun = None,
    base_model: BaseModelName = None,
    where: WhereTuned = None,
    task: TaskName = None,
    review_run: ReviewRun = None,
    method: Method = None,
    rank: Rank = None,
    alpha: Alpha = None,
    dropout: Dropout = None,
    targets: Targets = None,
    epochs: Epochs = None,
    steps: Steps = None,
    learning_rate: LearningRate = None,
    batch: Batch = None,
    template: Template = None,
    max_tokens: RowTokens = None,
    packing: Packing = False,
    replay: Replay = None,
    replay_share: ReplayShare = None,
    held_out_share: HeldOutShare = None,
    tasks: Tasks = None,
    held_out: HeldOut = None,
    general: General = None,
    judge: Judge = False,
    judge_model: JudgeModel = None,
    judge_max_cost: JudgeMaxCost = None,
    merged: Merged = False,
    seed: Seed = None,
    settings: SetOptions = None,
    options_file: OptionsFile = None,
    report: Report = None,
    wait: Wait = True,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a model on a data set. Ctrl-C stops watching; the training continues."""
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. The training continues."):
        if (dataset_id is None) == (run_id is None):
            raise InvalidInput("Give either a data set or, with --run, a run.")
        typed: dict[str, object] = {
            "where": where,
            "base_model": base_model,
            "task": task,
            "review_run_id": review_run,
            "method.name": method,
            "method.rank": rank,
            "method.alpha": alpha,
            "method.dropout": dropout,
            "method.targets": targets_of(targets),
            "schedule.epochs": epochs,
            "schedule.steps": steps,
            "schedule.learning_rate": learning_rate,
            "schedule.batch": batch,
            "data.template": template,
            "data.max_tokens": max_tokens,
            "data.packing": packing or None,
            "data.replay_dataset_id": replay,
            "data.replay_share": replay_share,
            "evaluation.held_out_share": held_out_share,
            "evaluation.tasks": tasks,
            "evaluation.held_out_dataset_id": held_out,
            "evaluation.general_dataset_id": general,
            "outputs.merged": merged or None,
            "seed": seed,
        }
        typed |= judge_of(judge_model, judge_max_cost, wanted=judge)
        options = options_of(options_file, typed, settings)
        if replay is not None:
            share_replay(options)
        watching = Watching.checked(wait=wait, report=report)
        with connect(api, output) as service:
            job = service.client.training.train(dataset_id, options, run_id)
            watch_and_report(service, job, watching, output)
