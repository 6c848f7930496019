"""Shows manifests to the schemas of those who read them: NetworkPolicy to the strict JSON schemas of
Kubernetes (kubernetes-validate), AuthorizationPolicy to the model of Istio (cloudcoil-models-istio). The
latter takes unknown members and forgets them, so what it read must be what was written.

Written for this repository; its licence is the repository's. Arguments: files. Exit code 1 with a line for
each objection; a kind that neither knows is an objection too.
"""

import sys

import kubernetes_validate
import yaml
from cloudcoil.models.istio.security.v1 import AuthorizationPolicy

VERSIONS = ["1.25", kubernetes_validate.latest_version()]


def objections(document):
    if document["kind"] == "NetworkPolicy":
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"Kubernetes {version}: {error.message}"
    elif document["kind"] == "AuthorizationPolicy":
        try:
            read = AuthorizationPolicy.model_validate(document)
        except ValueError as error:
            yield f"Istio: {error}"
            return
        again = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if again != document:
            yield f"Istio reads {again}"
    else:
        yield f"no schema for {document['kind']}"


count = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for document in yaml.safe_load_all(file):
            for objection in objections(document):
                count += 1
                print(f"{path}: {objection}")
sys.exit(1 if count else 0)
