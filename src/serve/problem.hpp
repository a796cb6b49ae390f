// Errors over HTTP: application/problem+json (RFC 9457) with `code`, the error table's stable name,
// by which a command finds its exit number again; `message`; `hint`, what to do next.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "runtime/http.hpp"

namespace pgkeel::serve {

/// The HTTP status an error of this code has when the guard returns it: 400 for what the caller
/// wrote, 404, 409 for the wrong moment or a refusal, 501, 503 for what may pass, 504, else 500.
[[nodiscard]] int http_status(const Error& error);

[[nodiscard]] runtime::HttpResponse problem(const Error& error);
[[nodiscard]] runtime::HttpResponse problem(int status, const Error& error);
/// 400 with code "usage".
[[nodiscard]] runtime::HttpResponse bad_request(std::string message, std::string_view hint);

}  // namespace pgkeel::serve
