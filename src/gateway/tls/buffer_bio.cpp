// See buffer_bio.hpp.
#include "gateway/tls/buffer_bio.hpp"

#include <algorithm>
#include <memory>

namespace pgkeel::gateway {
namespace {

BufferEnds* ends_of(BIO* bio) { return static_cast<BufferEnds*>(BIO_get_data(bio)); }

int read_from_span(BIO* bio, char* room, std::size_t room_bytes, std::size_t* bytes) {
  BIO_clear_retry_flags(bio);
  auto* ends = ends_of(bio);
  const auto taken = ends == nullptr ? 0 : std::min(room_bytes, ends->in.size());
  if (taken == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(room, ends->in.data(), taken);
  ends->in = ends->in.subspan(taken);
  *bytes = taken;
  return 1;
}

int write_to_buffer(BIO* bio, const char* from, std::size_t from_bytes, std::size_t* bytes) {
  auto* ends = ends_of(bio);
  if (ends == nullptr) return 0;
  pg::wire::put_bytes(ends->out, std::as_bytes(std::span(from, from_bytes)));
  *bytes = from_bytes;
  return 1;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

using Method = std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)>;

Method make_method() {
  Method method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgkeel buffers"),
                BIO_meth_free);
  const auto complete = method && BIO_meth_set_read_ex(method.get(), read_from_span) == 1 &&
                        BIO_meth_set_write_ex(method.get(), write_to_buffer) == 1 &&
                        BIO_meth_set_ctrl(method.get(), control) == 1 &&
                        BIO_meth_set_create(method.get(), create) == 1;
  if (!complete) method.reset();
  return method;
}

}  // namespace

BIO* new_buffer_bio() {
  static const auto method = make_method();
  return method ? BIO_new(method.get()) : nullptr;
}

AttachedEnds::AttachedEnds(SSL* tls, BufferEnds& ends) : tls_(tls) {
  BIO_set_data(SSL_get_rbio(tls_), &ends);
}

AttachedEnds::~AttachedEnds() { BIO_set_data(SSL_get_rbio(tls_), nullptr); }

}  // namespace pgkeel::gateway
