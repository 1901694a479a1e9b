"""Errors that a user can mend: each says in one line what is wrong and what to do about it."""


class UserError(Exception):
    """Wrong input or a missing prerequisite. The command line prints its message and exits with `exit_code`."""

    exit_code = 2


class DataUnavailable(UserError):
    """The data set is neither on this machine nor downloadable. `run_all.sh` tells this case by its exit code."""

    exit_code = 3


class TrainingDiverged(UserError):
    """A loss became NaN or infinite."""

    exit_code = 4
