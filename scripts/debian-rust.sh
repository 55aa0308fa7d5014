# Debian's Rust, which has the sources of its standard library as a package of the same release: for checks that compile the
# library anew, for another target or for a sanitizer. Other scripts source this file, in the repository's root.
#
#     install_packages PACKAGE...    installs missing packages, as root or through sudo
#     use_debian_rust [TOOL...]      from here on, Debian's tools alone, since those of rustup lack the sources; each must exist

install_packages() {
    local package missing=() root=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    "${root[@]}" apt-get update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

use_debian_rust() {
    unset RUSTFLAGS RUSTC RUSTC_WRAPPER RUSTUP_TOOLCHAIN
    export PATH=/usr/bin:/bin CARGO=/usr/bin/cargo RUSTC_BOOTSTRAP=1
    local tool wanted has
    for tool in rustc cargo "$@"; do
        [ -x "/usr/bin/$tool" ] || { echo "missing tool: /usr/bin/$tool" >&2; exit 1; }
    done
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    has=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$wanted" "$has" | sort -V | head -1)" = "$wanted" ] || {
        echo "Debian's rustc is $has, the crate needs $wanted" >&2
        exit 1
    }
}
