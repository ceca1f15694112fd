"""Files whose content is run: they must be of this user, in folders in which nobody else can replace them."""

from __future__ import annotations

import os
import stat
import warnings
from functools import cache
from pathlib import Path

from handgrad import system
from handgrad.errors import HandgradWarning


def distrusted(path: Path) -> bool:
    """Return whether someone else could have written that file or folder; warn once of each place.

    Windows has no such modes: a user's folders there are writable by that user alone unless someone shares them.
    """
    place = None if system.WINDOWS else _open_to_others(path)
    if place:
        _warn(place)
    return place is not None


def _open_to_others(path: Path, links: int = 40, inside: bool = False) -> Path | None:
    """Return the first of the folders on the way to a path, or itself, that another user than root can change.

    `links` may follow each other; `inside` says that only what is inside matters, of which each has its own owner.
    """
    path = path.absolute()
    for place in (*reversed(path.parents), path):
        try:
            found = place.lstat()
        except OSError:  # it does not exist, or not for us
            return None
        if found.st_uid not in (0, os.geteuid()):
            return place
        if stat.S_ISLNK(found.st_mode):
            target, on_the_way = place.parent / place.readlink(), inside or place != path
            beyond = _open_to_others(target, links - 1, on_the_way) if links else place
            if beyond:
                return beyond
        elif _writable(found) and not (found.st_mode & stat.S_ISVTX and (inside or place != path)):
            # In a sticky folder, as /tmp is, nobody removes or renames what is another's.
            return place
    return None


def _writable(found: os.stat_result) -> bool:
    others, group = found.st_mode & stat.S_IWOTH, found.st_mode & stat.S_IWGRP
    return bool(others) or (bool(group) and not _is_own(found.st_gid))


@cache
def _is_own(group: int) -> bool:
    """Return whether a group is the user's own: where each user has one, files are often writable by their group."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    own = user.pw_uid != 0 and group == user.pw_gid and found.gr_name == user.pw_name
    return own and set(found.gr_mem) <= {user.pw_name}


@cache
def _warn(place: Path) -> None:
    text = f"{place}: others could have written the kernels there, so they are not used"
    warnings.warn(f"{text}; set NUMBA_CACHE_DIR to a folder of your own", HandgradWarning, stacklevel=2)
