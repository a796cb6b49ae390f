// A stored object as a field of the store's JSON records. Private to the room.
#pragma once

#include "archive/catalog/fields.hpp"
#include "archive/codec/encoded.hpp"

namespace pgkeel::archive::fields {

inline nlohmann::json object_json(const StoredObject& object) {
  return {{"key", object.key},
          {"plain_bytes", object.plain_bytes},
          {"stored_bytes", object.stored_bytes},
          {"sha256", object.sha256},
          {"plain_sha256", object.plain_sha256}};
}

inline StoredObject stored_object(const nlohmann::json& from) {
  return {text(from, "key"), number<std::uint64_t>(from, "plain_bytes"),
          number<std::uint64_t>(from, "stored_bytes"), text(from, "sha256"),
          text(from, "plain_sha256")};
}

}  // namespace pgkeel::archive::fields
