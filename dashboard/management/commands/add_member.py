"""`manage.py add_member EMAIL --role ROLE --password-stdin`: an account and its membership, without a browser."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from dashboard.management.tables import require_tables
from dashboard.models import Member, Role, User, Workspace


class Command(BaseCommand):
    help = (
        "Add a person to the workspace, or give a member another role. The password is read from standard input; "
        "a person who has an account keeps theirs unless one is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="The e-mail address to sign in with.")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER.value, help="Default: viewer.")
        parser.add_argument("--name", default="", help="What to call the person.")
        parser.add_argument(
            "--password-stdin", action="store_true", help="Read the password from standard input."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require_tables()
        email = options["email"].strip()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is not an e-mail address.") from None
        password = (
            self._password(User(email=email, name=options["name"])) if options["password_stdin"] else None
        )
        with transaction.atomic():
            workspace = Workspace.objects.oldest_or_new()
            user = User.objects.filter(email__iexact=email).first()
            if user is None:
                if password is None:
                    raise CommandError("A new account needs a password: use --password-stdin.")
                user = User(email=email)
            user.name = options["name"] or user.name
            if password is not None:
                user.set_password(password)
            user.save()
            member, is_new = Member.objects.get_or_create(
                workspace=workspace, user=user, defaults={"role": options["role"]}
            )
            if not is_new and not Member.objects.set_role(member, options["role"]):
                raise CommandError(
                    f"{email} is the only admin of {workspace}; make somebody else an admin first."
                )
        self.stderr.write(f"{email} is now {Role(options['role']).label.lower()} in {workspace}.")

    def _password(self, user: User) -> str:
        password = sys.stdin.readline().rstrip("\r\n")
        try:
            validate_password(password, user)
        except ValidationError as problem:
            raise CommandError("The password cannot be used. " + " ".join(problem.messages)) from None
        return password
