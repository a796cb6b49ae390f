// https://facebook.github.io/zstd/zstd_manual.html, chapter "Streaming compression".
#include "archive/codec/zstd_stage.hpp"

#include <zstd.h>
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/check.hpp"

namespace pgkeel::archive {
namespace {

// What one thread compresses at a time. libzstd's own choice is four windows (8 MiB at level 3),
// several of which are kept for every thread; at 2 MiB the result grows by less than one part in a
// hundred.
constexpr int kJobBytes = 2 << 20;
constexpr std::size_t kOutBytes = 128U << 10U;  // ZSTD_CStreamOutSize()
constexpr std::size_t kInBytes = 128U << 10U;   // ZSTD_DStreamInSize()

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0U);
}

class ZstdSink final : public Sink {
 public:
  ZstdSink(std::unique_ptr<Sink> next, int level, int threads)
      : next_(std::move(next)), context_(ZSTD_createCCtx(), ZSTD_freeCCtx), out_(kOutBytes) {
    CHECK(context_);
    set(context_.get(), ZSTD_c_compressionLevel, std::clamp(level, 1, kZstdLevelMax));
    set(context_.get(), ZSTD_c_checksumFlag, 1);
    set(context_.get(), ZSTD_c_nbWorkers, threads);
    if (threads > 0) set(context_.get(), ZSTD_c_jobSize, kJobBytes);
  }

  Result<void> write(ByteSpan bytes) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (in.pos < in.size) TRY_VOID(step(in, ZSTD_e_continue));
    return {};
  }

  Result<void> finish() override {
    ZSTD_inBuffer none{nullptr, 0, 0};
    do TRY_VOID(step(none, ZSTD_e_end));
    while (left_ != 0);
    return next_->finish();
  }

 private:
  Result<void> step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    left_ = ZSTD_compressStream2(context_.get(), &out, &in, directive);
    if (ZSTD_isError(left_) != 0U)  // only memory or threads that cannot be had
      return fail(ErrorCode::Failed, fmt::format("zstd: {}", ZSTD_getErrorName(left_)));
    if (out.pos == 0) return {};
    return next_->write(ByteSpan(out_).first(out.pos));
  }

  std::unique_ptr<Sink> next_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::vector<std::byte> out_;
  std::size_t left_ = 0;
};

class ZstdSource final : public Source {
 public:
  explicit ZstdSource(std::unique_ptr<Source> from)
      : from_(std::move(from)), context_(ZSTD_createDCtx(), ZSTD_freeDCtx), in_(kInBytes) {
    CHECK(context_);
    CHECK(ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax,
                                              kZstdWindowLogMax)) == 0U);
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0 && !into.empty()) {
      if (taken_ == have_) {
        TRY_VOID(fetch());
        if (have_ == 0) return end(out);
      }
      TRY_VOID(step(out));
    }
    return out.pos;
  }

 private:
  Result<void> fetch() {
    before_ += have_;
    taken_ = have_ = 0;
    auto count = from_->read(in_);
    if (!count) return fail(std::move(count).error());
    have_ = *count;
    return {};
  }

  Result<void> step(ZSTD_outBuffer& out) {
    ZSTD_inBuffer in{in_.data(), have_, taken_};
    const auto left = ZSTD_decompressStream(context_.get(), &out, &in);
    taken_ = in.pos;
    if (ZSTD_isError(left) != 0U)
      return fail(ErrorCode::Malformed, fmt::format("compressed bytes are damaged: {} (offset {})",
                                                    ZSTD_getErrorName(left), before_ + taken_));
    frame_ended_ = left == 0;
    return {};
  }

  Result<std::size_t> end(ZSTD_outBuffer& out) {
    if (frame_ended_) return 0;
    TRY_VOID(step(out));  // what did not fit last time comes without any input
    if (out.pos != 0 || frame_ended_) return out.pos;
    return fail(ErrorCode::Malformed,
                fmt::format("compressed bytes end in the middle (offset {})", before_));
  }

  std::unique_ptr<Source> from_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  std::vector<std::byte> in_;
  std::size_t have_ = 0;
  std::size_t taken_ = 0;
  std::uint64_t before_ = 0;
  bool frame_ended_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_zstd_sink(std::unique_ptr<Sink> next, int level, int threads) {
  return std::make_unique<ZstdSink>(std::move(next), level, threads);
}

std::unique_ptr<Source> make_zstd_source(std::unique_ptr<Source> from) {
  return std::make_unique<ZstdSource>(std::move(from));
}

}  // namespace pgkeel::archive
