// Error to problem document.
#include "serve/problem.hpp"

#include "incident/redact.hpp"
#include "serve/json_text.hpp"

namespace pgkeel::serve {
namespace {

std::string_view title(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Internal Server Error";
  }
}

}  // namespace

int http_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::NotFound: return 404;
    case ErrorCode::NotSupported: return 501;
    case ErrorCode::TimedOut: return 504;
    default: break;
  }
  switch (error.exit_number()) {
    case 2: return 400;  // usage
    case 3:              // not possible now
    case 4:              // refused for safety
    case 7: return 409;  // advice only
    default: return error.retryable() ? 503 : 500;
  }
}

runtime::HttpResponse problem(const Error& error) { return problem(http_status(error), error); }

runtime::HttpResponse problem(int status, const Error& error) {
  auto response = json_response(status, {{"title", title(status)},
                                         {"status", status},
                                         {"code", error.name()},
                                         {"message", incident::redact(error.message())},
                                         {"hint", error.hint()}});
  response.content_type = "application/problem+json";
  return response;
}

runtime::HttpResponse bad_request(std::string message, std::string_view hint) {
  return problem(400, Error(ErrorCode::Usage, std::move(message)).with_hint(hint));
}

}  // namespace pgkeel::serve
