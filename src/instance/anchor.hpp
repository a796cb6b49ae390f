// The anchor: a container that is made over the server's data volume and never started. An engine
// refuses to remove a volume any container refers to, so `docker compose down -v`, `volume rm` and
// `volume prune` leave the data where it is.
// It guarantees: only a container that bears our label is ever removed, and no volume.
#pragma once

#include "instance/engine.hpp"

namespace pgkeel::instance {

[[nodiscard]] std::string anchor_name(const ContainerFacts& container);
/// Whether a container is an anchor, of whichever server.
[[nodiscard]] bool is_anchor(const ContainerEntry& container);

/// Makes the anchor, or moves it to the volume the server has now; the volume's name. Empty when
/// the data is in no named volume of the engine's. Refused when a container of that name is not
/// ours.
runtime::Task<Result<std::string>> keep_anchor(const Engine* engine, ContainerFacts container);

/// Done as well when there is none. Refused when a container of that name is not ours.
runtime::Task<Result<void>> remove_anchor(const Engine* engine, ContainerFacts container);

}  // namespace pgkeel::instance
