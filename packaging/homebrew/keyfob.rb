# A preview: the library compiles and links for macOS, and has run there nowhere.
class Keyfob < Formula
  desc "Access tokens for IoT clouds: obtained, kept, renewed, stored and presented"
  homepage "https://keyfob.invalid"
  url "file://#{ENV["KEYFOB_SOURCE"]}" # keyfob-0.1.0.tar.gz
  version "0.1.0"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "rustc", "--locked", "--lib", "--release", "--features=capi",
           "--crate-type=cdylib,staticlib"
    lib.install "target/release/libkeyfob.dylib" => "libkeyfob.0.dylib"
    lib.install_symlink "libkeyfob.0.dylib" => "libkeyfob.dylib"
    lib.install "target/release/libkeyfob.a"
    include.install "include/keyfob.h", "include/keyfob.hpp", "include/keyfob_curl.h"
    system "packaging/manual", version, "manual"
    man3.install Dir["manual/*.3"]
  end

  test do
    (testpath/"test.c").write <<~C
      #include <keyfob.h>
      int main(void) { return keyfob_abi_version() == 0; }
    C
    system ENV.cc, "test.c", "-I#{include}", "-L#{lib}", "-lkeyfob", "-o", "test"
    system "./test"
  end
end
