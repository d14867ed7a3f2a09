from onereel.api import compare as compare
from onereel.api import edit as edit
from onereel.api import evaluate as evaluate
from onereel.api import generate as generate
from onereel.api import load as load
from onereel.api import show as show

__version__: str
