"""Every setting, read from the environment; a wrong value stops the start with a sentence.

`ENVIRONMENT` is the one table of what an operator can set: the README prints it and a test holds the two together.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
        "": False,
    }
    if value.lower() not in words:
        raise ValueError("use 1 or 0")
    return words[value.lower()]


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isdecimal() or not least <= int(value) <= most:
            raise ValueError(f"use a whole number from {least} to {most}")
        return int(value)

    return parse


def _choice(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in words:
            raise ValueError("use one of: " + ", ".join(word or "(empty)" for word in words))
        return value

    return parse


def _http_url(value: str) -> str:
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValueError("use an address that starts with http:// or https://")
    return value.rstrip("/")


def _host_list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _database_url(value: str) -> str:
    if value and urlsplit(value).scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            "use postgresql://user:password@host:port/name, or leave it empty for the embedded SQLite database"
        )
    return value


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, default (as text), parser and one line of help."""

    name: str
    default: str
    parse: Callable[[str], Any]
    help: str


ENVIRONMENT = (
    Variable("HOST", "127.0.0.1", _text, "Address the server listens on."),
    Variable("PORT", "8000", _number(0, 65535), "Port the server listens on; 0 takes a free one."),
    Variable("DATA_DIR", "var", _text, "Folder of the SQLite database, keys and other state."),
    Variable("DATABASE_URL", "", _database_url, "A PostgreSQL address; empty means SQLite under DATA_DIR."),
    Variable("SECRET_KEY", "", _text, "Signs sessions; empty means one is made and kept under DATA_DIR."),
    Variable(
        "ENCRYPTION_KEYS",
        "",
        _host_list,
        "Fernet keys for stored vendor keys, newest first, comma-separated; empty: one is made and kept under DATA_DIR.",
    ),
    Variable(
        "PUBLIC_URL",
        "",
        _http_url,
        "Address people reach the dashboard at, when it is not the one it listens on.",
    ),
    Variable("ALLOWED_HOSTS", "", _host_list, "Further host names the server answers to, comma-separated."),
    Variable("DEBUG", "0", _flag, "1 shows tracebacks in the browser. Never on a server that others reach."),
    Variable("LOG_LEVEL", "INFO", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much the server logs."),
    Variable(
        "WORKER",
        "embedded",
        _choice("embedded", "off"),
        "off: this server drives no runs; `manage.py work` does.",
    ),
    Variable(
        "DELIVERY",
        "embedded",
        _choice("embedded", "procrastinate"),
        "How runs reach workers; procrastinate needs PostgreSQL.",
    ),
    Variable("RUN_CONCURRENCY", "50", _number(1, 1000), "Runs one worker drives at a time."),
    Variable("RUNS_PER_KEY", "50", _number(1, 10_000), "Unfinished runs one API key may have at a time."),
    Variable(
        "MODEL_FALLBACK",
        "",
        _choice("", "demo"),
        "demo: the built-in demo model answers for models without a configured vendor.",
    ),
    Variable("OPENAI_API_KEY", "", _text, "Key for OpenAI models (gpt-…, o…)."),
    Variable(
        "OPENAI_BASE_URL", "", _http_url, "Another server of the OpenAI protocol (vLLM, LM Studio, a proxy)."
    ),
    Variable("ANTHROPIC_API_KEY", "", _text, "Key for Anthropic models (claude-…)."),
    Variable("ANTHROPIC_BASE_URL", "", _http_url, "Another server of the Anthropic protocol."),
    Variable(
        "GEMINI_API_KEY",
        "",
        _text,
        "Key for Google models (gemini-…), through their OpenAI-compatible address.",
    ),
    Variable("OPENROUTER_API_KEY", "", _text, "Key for openrouter:… models."),
    Variable(
        "OLLAMA_BASE_URL",
        "",
        _http_url,
        "Address of an Ollama server for ollama:… models, such as http://127.0.0.1:11434/v1.",
    ),
    Variable(
        "NET_ALLOW_HOSTS", "", _text, "Internal addresses that flows may reach, comma-separated host:port."
    ),
    Variable(
        "PATTERNS_PAGE", "0", _flag, "1 serves /patterns, the page with every component in every state."
    ),
    Variable(
        "SIGN_IN_ATTEMPTS",
        "8",
        _number(1, 1000),
        "Failed sign-ins from one address or for one account before a 15 minute pause.",
    ),
)


def _read_environment() -> dict[str, Any]:
    values = {}
    for variable in ENVIRONMENT:
        raw = os.environ.get(variable.name, variable.default).strip()
        try:
            values[variable.name] = variable.parse(raw)
        except ValueError as problem:
            raise ImproperlyConfigured(
                f"the environment variable {variable.name} has a wrong value: {problem}."
            ) from None
    return values


env = _read_environment()

HOST: str = env["HOST"]
PORT: int = env["PORT"]
DEBUG: bool = env["DEBUG"]
DATA_DIR = (BASE_DIR / env["DATA_DIR"]).resolve()
PUBLIC_URL: str = env["PUBLIC_URL"]


def _make_data_dir() -> None:
    try:
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise ImproperlyConfigured(f"DATA_DIR ({DATA_DIR}) cannot be used: {problem.strerror}.") from None


def _kept_secret(name: str, make: Callable[[], str]) -> str:
    """Read a secret from a file under DATA_DIR, making it at the first start; readable by the owner alone."""
    path = DATA_DIR / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as problem:
        raise ImproperlyConfigured(f"DATA_DIR ({DATA_DIR}) cannot be written: {problem.strerror}.") from None
    with os.fdopen(descriptor, "w") as file:
        value = make()
        file.write(value)
    return value


def _fernet_key() -> str:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - 40 ms that only the very first start pays

    return Fernet.generate_key().decode()


_make_data_dir()
SECRET_KEY: str = env["SECRET_KEY"] or _kept_secret("secret_key", lambda: secrets.token_urlsafe(48))
ENCRYPTION_KEYS: list[str] = env["ENCRYPTION_KEYS"] or [_kept_secret("encryption_key", _fernet_key)]

# --- the only block that knows which database it is -----------------------------------------------------------


def _postgres(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/") or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 16, "timeout": 10},
            "options": "-c lock_timeout=10s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s",
        },
    }


def _sqlite() -> dict[str, Any]:
    return {
        "ENGINE": "dashboard.sqlite",
        "NAME": DATA_DIR / "signalbox.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;"
            ),
        },
        "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
    }


ON_POSTGRES = bool(env["DATABASE_URL"])
DATABASES = {"default": _postgres(env["DATABASE_URL"]) if ON_POSTGRES else _sqlite()}
DELIVERY: str = env["DELIVERY"]
if DELIVERY == "procrastinate" and not ON_POSTGRES:
    raise ImproperlyConfigured("DELIVERY=procrastinate needs DATABASE_URL to name a PostgreSQL database.")
RUN_HINTS = "postgres" if ON_POSTGRES else "local"
_DELIVERY_APPS = ["procrastinate.contrib.django"] if DELIVERY == "procrastinate" else []
# --------------------------------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "template_partials",
    "lucide",
    "axes",
    "csp",
    "dashboard",
    *_DELIVERY_APPS,
]

MIDDLEWARE = [
    "dashboard.headers.Headers",
    "dashboard.api.edge.ApiEdge",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.views.access.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.views.access.frame",
            ],
        },
    }
]

# --- who answers, and to whom ---------------------------------------------------------------------------------
_public_host = urlsplit(PUBLIC_URL).hostname
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env["ALLOWED_HOSTS"]]
if _public_host:
    ALLOWED_HOSTS.append(_public_host)
if HOST in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
    ALLOWED_HOSTS.append(socket.gethostname())
elif HOST not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(HOST)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []

# The e-mail address is unique without regard to case, by a constraint that this check does not look at.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTH_USER_MODEL = "dashboard.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"

AXES_FAILURE_LIMIT = env["SIGN_IN_ATTEMPTS"]
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = ["ip_address", "username"]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "dashboard.views.sign_in.throttled_name"
AXES_LOCKOUT_CALLABLE = "dashboard.views.sign_in.locked_out"
AXES_VERBOSE = False

_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_NAME = "__Host-signalbox" if _https else "signalbox"
SESSION_ABSOLUTE = 12 * 3600
SESSION_IDLE_ADMIN = 30 * 60
SESSION_COOKIE_AGE = SESSION_ABSOLUTE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "signalbox_csrf"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failed"
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- static files: the address carries a digest of the tree, so a browser may keep them for ever -----------------
STATICFILES_DIRS = [BASE_DIR / "static"]


def _static_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((BASE_DIR / "static").rglob("*")):
        if path.is_file():
            digest.update(
                f"{path.relative_to(BASE_DIR)}:{path.stat().st_size}:{path.stat().st_mtime_ns}".encode()
            )
    return digest.hexdigest()[:10]


STATIC_URL = f"/static/{_static_digest()}/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 31_536_000

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# No body that passes the limits in front of Django is ever written to disk.
FILE_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env["LOG_LEVEL"]},
    "loggers": {
        "axes": {"level": "ERROR"},
        "httpx2": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "uvicorn": {"level": "WARNING"},
        "django_eventstream": {"level": "WARNING"},
    },
}

# Hints to people: no storage and no Redis, and a channel nobody has been let into is closed.
EVENTSTREAM_CHANNELMANAGER_CLASS = "dashboard.relay.live.Channels"

# --- product settings -----------------------------------------------------------------------------------------
WORKER: str = env["WORKER"]
RUN_CONCURRENCY: int = env["RUN_CONCURRENCY"]
RUNS_PER_KEY: int = env["RUNS_PER_KEY"]
MODEL_FALLBACK: str = env["MODEL_FALLBACK"]
NET_ALLOW_HOSTS: str = env["NET_ALLOW_HOSTS"]
PATTERNS_PAGE: bool = env["PATTERNS_PAGE"] or DEBUG
VENDOR_ENVIRONMENT: dict[str, str] = {
    name: env[name]
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "GEMINI_API_KEY",
        "OPENROUTER_API_KEY",
        "OLLAMA_BASE_URL",
    )
}
