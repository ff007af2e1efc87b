"""The configuration: one TOML file and a few environment names become frozen types.

Everything wrong is found in one go and named. An unknown key is an error: a misspelt setting
that is silently ignored is a night in the dark. Reads no secret: it knows only their files.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from gateway.config.reading import read_struct
from gateway.config.rules import contradictions
from gateway.config.sections import Config, FeederSection, PointSection
from gateway.errors import ConfigError

__all__ = ["DEFAULT_PATH", "ENVIRONMENT", "Config", "FeederSection", "PointSection", "load"]

DEFAULT_PATH = Path("/etc/gateway/gateway.toml")
ENVIRONMENT = {
    "USAGE_EVENTS_DB_PATH": ("gateway", "database"),
    "CONTRACT_ID": ("chain", "contract_id"),
}
"""Environment names that win over the file, and the setting that each one sets."""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check a configuration.

    Args:
        path: the TOML file.
        environment: names that win over the file, see :data:`ENVIRONMENT`.

    Raises:
        ConfigError: with one sentence for each thing that is missing or wrong.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin with a BOM
    except FileNotFoundError:
        raise ConfigError([f"{path} isn't there: copy the example file and fill it in"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path} is no text file in UTF-8: correct --config"]) from error
    except OSError as error:
        raise ConfigError([f"{path} can't be read: {error.strerror}"]) from error
    except RecursionError:
        raise ConfigError([f"{path} isn't valid TOML: it is nested too deeply"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path} isn't valid TOML: {error}"]) from error
    for name, (section, key) in ENVIRONMENT.items():
        if environment.get(name) and isinstance(document.setdefault(section, {}), dict):
            document[section][key] = environment[name]
    problems: list[str] = []
    config = read_struct(Config, document, "", problems)
    if config is not None:
        problems += contradictions(config)
    if config is None or problems:
        raise ConfigError(problems)
    return config
