#!/usr/bin/env python3
"""Writes an OCI image layout of made-up layers, for tests that move images about.

usage: layout.py DIR [--arch ARCH] [--ref NAME] [--layer SEED:BYTES]… [--about TYPE]…
  --layer   a tar with one file of so many bytes that differ everywhere, compressed by gzip -1
  --about   an artifact of this type whose subject is the image, nested with it in an index
"""

import argparse
import gzip
import hashlib
import io
import json
import pathlib
import random
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


class Layout:
    def __init__(self, path: pathlib.Path) -> None:
        self.blobs = path / "blobs/sha256"
        self.blobs.mkdir(parents=True)
        self.path = path

    def add(self, data: bytes, media_type: str, **more) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data), **more}

    def add_json(self, value: dict, media_type: str, **more) -> dict:
        return self.add(json.dumps(value).encode(), media_type, **more)

    def finish(self, entry: dict) -> None:
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        (self.path / "index.json").write_text(json.dumps(index))


def layer(seed: str, size: int) -> tuple[bytes, str]:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("file-" + seed)
        info.size = size
        tar.addfile(info, io.BytesIO(random.Random(seed).randbytes(size)))
    plain = raw.getvalue()
    return gzip.compress(plain, 1, mtime=0), hashlib.sha256(plain).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--arch", default="amd64")
    parser.add_argument("--ref", default="")
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--about", action="append", default=[])
    options = parser.parse_args()

    layout = Layout(options.directory)
    layers, diff_ids = [], []
    for text in options.layer or ["one:1000"]:
        seed, size = text.split(":")
        data, diff_id = layer(seed, int(size))
        layers.append(layout.add(data, LAYER))
        diff_ids.append("sha256:" + diff_id)
    time = "2026-01-02T03:04:05Z"
    config = {"created": time, "architecture": options.arch, "os": "linux",
              "config": {"Cmd": ["/bin/sh"]}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
              "history": [{"created": time, "created_by": "layout.py"} for _ in layers]}
    image = layout.add_json(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": layout.add_json(config, CONFIG),
         "layers": layers}, MANIFEST, platform={"os": "linux", "architecture": options.arch})
    root = image
    if options.about:
        subject = {key: image[key] for key in ("mediaType", "digest", "size")}
        entries = [image]
        for kind in options.about:
            entries.append(layout.add_json(
                {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
                 "config": layout.add(b"{}", EMPTY), "subject": subject,
                 "layers": [layout.add(f"about: {kind}".encode(), kind)],
                 "annotations": {"org.opencontainers.image.created": time}},
                MANIFEST, platform={"os": "unknown", "architecture": "unknown"}))
        root = layout.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries},
                               INDEX)
    if options.ref:
        root["annotations"] = {"org.opencontainers.image.ref.name": options.ref}
    layout.finish(root)


if __name__ == "__main__":
    main()
