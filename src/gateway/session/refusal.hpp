// Why a client is sent away, as it is told: FATAL, with the SQLSTATE and, where PostgreSQL has one,
// the wording of PostgreSQL, so that what a driver knows of errors holds.
#pragma once

#include <string>

#include "pg/wire/error_fields.hpp"

namespace pgkeel::gateway {

struct Refusal {
  std::string sqlstate;
  std::string message;
  std::string detail = {};
  std::string hint = {};
};

/// SQLSTATEs of a login.
namespace sqlstate {
inline constexpr const char* kProtocolViolation = "08P01";
inline constexpr const char* kNotSupported = "0A000";
inline constexpr const char* kInvalidParameter = "22023";
inline constexpr const char* kInvalidAuthorization = "28000";
inline constexpr const char* kInvalidPassword = "28P01";
inline constexpr const char* kSyntaxError = "42601";
inline constexpr const char* kUndefinedObject = "42704";
}  // namespace sqlstate

/// As an ErrorResponse of severity FATAL.
void append(pg::wire::ByteBuffer& out, const Refusal& refusal);

}  // namespace pgkeel::gateway
