#!/bin/bash
# An image comes with bills of materials and provenance: of what is in it, also when the database of
# packages was trimmed away; none of it part of its digest; and other tools take the image as before.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
# sbom_spec FILE [OUTPUT]
sbom_spec() {
  {
    standin_head sbom
    printf '%s\n' '[output]' 'root = "/target"' 'compression = "none"' \
      'layers = "single"' 'check.closure = false' "${2:-}"
    cat <<'TOML'
[output.config.labels]
"org.opencontainers.image.source" = "https://example.invalid/repo"
[[phase]]
name = "hello"
root = "/target"
emerge = ["app-demo/hello"]
[[phase]]
name = "trim"
root = "/target"
remove = ["/var/db", "/usr/include/greet-2", "/usr/lib/libgreet.so*", "/usr/lib/pkgconfig"]
TOML
  } >"$1"
}
sbom_spec "$scratch/stage4.toml"
ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image" --output "oci-archive:$scratch/image.tar"
digest=$(jq -r '.manifests[0].digest' "$scratch/image/index.json")
assert_equal "$(jq '.manifests | length' "$scratch/image/index.json")" 1
assert_lacks "$(layer_names "$scratch/image")" var/db/pkg

# --- what it says ---
ok gbox image sbom "oci:$scratch/image"
printf '%s\n' "$out" >"$scratch/spdx.json"
jq -e --arg digest "${digest#sha256:}" '
  .spdxVersion == "SPDX-2.3" and .packages[0].checksums[0].checksumValue == $digest and
  (.packages[] | select(.name == "app-demo/hello") |
    .licenseDeclared != "NOASSERTION" and .externalRefs[0].referenceLocator == "pkg:ebuild/app-demo/hello@\(.versionInfo)?repository=standin&slot=0") and
  ([.packages[].name] | index("dev-demo/libgreet") == null) and
  (.relationships | map(select(.relationshipType == "GENERATED_FROM")) | length >= 1) and
  any(.packages[]; .primaryPackagePurpose == "SOURCE" and (.checksums | length >= 1))
' "$scratch/spdx.json" >/dev/null || fail "$(jq -c . "$scratch/spdx.json")"
ok gbox image sbom --format cyclonedx "oci-archive:$scratch/image.tar"
jq -e '.bomFormat == "CycloneDX" and any(.components[]; .name == "hello" and .group == "app-demo")' <<<"$out" >/dev/null ||
  fail "$out"

# --- attached as artifacts whose subject is the image ---
referrers=$(jq -r '.annotations["gbox.referrers"] | fromjson | .digest' "$scratch/image/index.json")
jq -r '.manifests[] | .artifactType + " " + .digest' "$(image_blob "$scratch/image" "$referrers")" >"$scratch/artifacts"
assert_equal "$(cut -d' ' -f1 "$scratch/artifacts" | sort | paste -sd' ')" \
  "application/spdx+json application/vnd.cyclonedx+json application/vnd.in-toto+json"
while read -r type artifact; do
  jq -e --arg type "$type" --arg digest "$digest" '.subject.digest == $digest and .artifactType == $type and
    .config.mediaType == "application/vnd.oci.empty.v1+json" and .layers[0].mediaType == $type' \
    "$(image_blob "$scratch/image" "$artifact")" >/dev/null || fail "artifact $type"
done <"$scratch/artifacts"
statement=$(sed -n 's,^application/vnd.in-toto+json ,,p' "$scratch/artifacts")
statement=$(image_blob "$scratch/image" "$(jq -r '.layers[0].digest' "$(image_blob "$scratch/image" "$statement")")")
jq -e --arg digest "${digest#sha256:}" --arg spec "$(sha256sum "$scratch/stage4.toml" | cut -d' ' -f1)" \
  --arg base "$(basename "$(stage3)")" '
  ._type == "https://in-toto.io/Statement/v1" and .predicateType == "https://slsa.dev/provenance/v1" and
  .subject[0].digest.sha256 == $digest and
  (.predicate.buildDefinition | .externalParameters.spec.digest.sha256 == $spec and
    (.internalParameters | .level != "" and (.policies | length) == 2 and (.steps | length) == 4) and
    any(.resolvedDependencies[]; .name == "base" and (.digest.sha256 | length) == 64 and
      .annotations.file == $base))
' "$statement" >/dev/null || fail "$(jq -c . "$statement")"
assert_equal "$(jq -r '.annotations["org.opencontainers.image.source"]' "$(image_manifest "$scratch/image")")" \
  https://example.invalid/repo
assert_equal "$(jq -c '.annotations | [."org.opencontainers.image.title", ."org.opencontainers.image.licenses"]' \
  "$(image_manifest "$scratch/image")")" '["sbom","LicenseRef-gentoo-standin"]'

# Where things lie on this machine is nobody's business.
for secret in "$HOME" "$scratch" "$(dirname "$(stage3)")"; do
  run grep -rlF -- "$secret" "$scratch/image"
  assert_equal "$status" 1 "'$secret' is in $out"
done

# --- no part of the image, nor in the way of others ---
sbom_spec "$scratch/bare.toml" $'sbom = false\nprovenance = false'
ok gbox build "$scratch/bare.toml" --output "oci:$scratch/bare"
assert_equal "$(jq -r '.manifests[0].digest' "$scratch/bare/index.json")" "$digest"
assert_equal "$(jq '.annotations' "$scratch/bare/index.json")" null
fails 4 gbox image sbom "oci:$scratch/bare"
assert_error "has no bill of materials attached" "sbom = false"
fails 2 gbox image sbom --format text "oci:$scratch/bare"
assert_error "option '--format' cannot be 'text'" "allowed: 'spdx' and 'cyclonedx'"
for place in "oci:$scratch/image" "oci-archive:$scratch/image.tar"; do
  ok skopeo inspect "$place"
  rm -rf "$scratch/copy"
  ok skopeo --insecure-policy copy --preserve-digests "$place" "oci:$scratch/copy"
  assert_equal "$(jq -r '.manifests[0].digest' "$scratch/copy/index.json")" "$digest"
done
ok umoci unpack --rootless --image "$scratch/image:latest" "$scratch/bundle"
source "$e2e_lib/podman.sh"
podman_setup "$scratch" || skip "podman cannot run here: $PODMAN_WHY_NOT"
for place in image image.tar; do
  podman_load "$scratch/$place" >"$scratch/.out" 2>&1 || fail "podman load of $place: $(cat "$scratch/.out")"
done
