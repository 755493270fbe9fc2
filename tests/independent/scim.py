"""Runs the checks of scim2-tester against a server: BASE TOKEN. Prints what fails."""

import itertools
import sys
import uuid

import scim2_tester.checkers.patch_add as patch_add
import scim2_tester.checkers.patch_replace as patch_replace
import scim2_tester.filling as filling
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

base, token = sys.argv[1:]
numbers = itertools.count(10_000_000)
plain = filling.generate_random_value


def fitting(context, path, *args, **kwargs):
    """A schema cannot say that a mobile has eleven digits and a mail address 64 characters."""
    value = plain(context, path, *args, **kwargs)
    binding = path.resolve()
    model = binding.target_model.__name__.lower() if binding and binding.target_model else ""
    if isinstance(value, str) and binding.target_field_name == "value":
        if "phone" in model or "phoneNumbers" in str(path):
            return f"138{next(numbers)}"
        if "email" in model or "emails" in str(path):
            return f"{uuid.uuid4()}@example.com"
    return value


for module in (filling, patch_add, patch_replace):
    module.generate_random_value = fitting

http = Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=60)
results = check_server(SyncSCIMClient(http))
for result in results:
    if result.status in (Status.ERROR, Status.CRITICAL):
        print(f"{result.status.name} {result.title} {result.resource_type}: {result.reason}")
passed = sum(result.status == Status.SUCCESS for result in results)
skipped = [f"{r.title}: {r.reason}" for r in results if r.status == Status.SKIPPED]
for reason in skipped:
    print("skipped", reason)
print("passed", passed, "of", len(results))
