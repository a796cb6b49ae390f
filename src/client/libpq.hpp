// The only header of the room that includes libpq. Private: no other room, and no public header of
// this one, includes it.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string_view>

namespace pgkeel::client {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, FinishConnection>;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

/// A field of an error or notice; empty when absent.
[[nodiscard]] inline std::string_view diagnostic(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace pgkeel::client
