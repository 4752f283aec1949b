// An image as the base of a build: 'base.image'. One in a registry is locked by its digest and kept
// in the store as an archive, a file like any other input; one that lies here is read where it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gbox/oci/image.h"
#include "gbox/oci/reader.h"
#include "inputs.h"
#include "sources.h"

namespace gbox::build {

struct BaseImage {
  sys::Fd file;  // of an archive in the store
  oci::LayoutReader reader;
  oci::Image image;
};

// Whether the spec's base is an image in a registry. Throws Error (usage), with the place in the
// spec, for an image that cannot be meant.
bool is_remote_image(const spec::Base& base);

// One that lies here: opened, and digested by its manifest.
void digest_base_image(Inputs& inputs);

// One in a registry, for `platform`: fetched into the store, all of it verified.
spec::LockedFile lock_base_image(const Inputs& inputs, const oci::Platform& platform,
                                 Sources& sources);
// The digest of the manifest that a locked file holds: what its steps' keys are made of.
std::string locked_image_digest(const spec::LockedFile& file);
// Opens it from the store, fetching it first when it is not there.
void open_base_image(Inputs& inputs, Sources& sources);

// Unpacks its layers as the snapshot of the base's step, into `work`.
void unpack_base_image(const Inputs& inputs, store::Store& store, const store::Work& work,
                       Observer& observer);

// Its layers and history as they are, for an image that is stacked on it.
std::vector<oci::ImageEntry> base_entries(const BaseImage& base);
// Its configuration, with what the spec says in its place: variables and labels one by one, and a
// command that fits another entrypoint not at all.
oci::ContainerConfig inherit_config(const oci::ContainerConfig& base,
                                    const oci::ContainerConfig& own);

}  // namespace gbox::build
