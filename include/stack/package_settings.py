"""The package's settings file, for the stack."""

from comets.settings import Settings, SettingsError, settings
from include.stack.errors import StackError


def package_settings() -> Settings:
    """Return the settings in force.

    :raises StackError: the file is missing or wrong; the text says where.
    """
    try:
        return settings()
    except SettingsError as error:
        raise StackError(str(error)) from None
