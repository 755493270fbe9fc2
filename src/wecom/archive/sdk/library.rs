//! WeCom's library by its C functions, and the only `unsafe` of this program.
//!
//! Source: WeCom documentation, 获取会话内容 (`WeWorkFinanceSdk_C.h`): seventeen functions over
//! three opaque types. Ownership as documented: the caller frees what `New…` made; what
//! `Get…` points at belongs to the slice or media object and is good until its next use.
#![allow(
    unsafe_code,
    reason = "foreign functions; they run in a process of their own"
)]

use std::{
    ffi::{CString, c_char, c_int, c_uint, c_ulonglong, c_void},
    path::Path,
    ptr::NonNull,
};

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use zeroize::Zeroizing;

use super::{
    Sdk,
    frames::{Answer, Begin, Sealed},
};

/// A request that could not be made; the library's own code for it.
const BAD_PARAMETER: i32 = 10000;

type Opaque = *mut c_void;
type Text = *const c_char;
type Length = unsafe extern "C" fn(Opaque) -> c_int;
type Bytes = unsafe extern "C" fn(Opaque) -> *mut c_char;

/// The functions, as the header declares them.
struct Functions {
    new_sdk: unsafe extern "C" fn() -> Opaque,
    init: unsafe extern "C" fn(Opaque, Text, Text) -> c_int,
    get_chat_data:
        unsafe extern "C" fn(Opaque, c_ulonglong, c_uint, Text, Text, c_int, Opaque) -> c_int,
    decrypt_data: unsafe extern "C" fn(Text, Text, Opaque) -> c_int,
    get_media_data: unsafe extern "C" fn(Opaque, Text, Text, Text, Text, c_int, Opaque) -> c_int,
    destroy_sdk: unsafe extern "C" fn(Opaque),
    new_slice: unsafe extern "C" fn() -> Opaque,
    free_slice: unsafe extern "C" fn(Opaque),
    get_content_from_slice: Bytes,
    get_slice_len: Length,
    new_media_data: unsafe extern "C" fn() -> Opaque,
    free_media_data: unsafe extern "C" fn(Opaque),
    get_out_index_buf: Bytes,
    get_data: Bytes,
    get_index_len: Length,
    get_data_len: Length,
    is_media_data_finish: Length,
}

impl Functions {
    fn of(library: &Loaded) -> Result<Self, libloading::Error> {
        macro_rules! find {
            ($name:literal) => {
                // SAFETY: the types are those of the header of the library that exports a
                // function of this name; the library is never unloaded.
                unsafe { *library.get(concat!($name, "\0").as_bytes())? }
            };
        }
        Ok(Self {
            new_sdk: find!("NewSdk"),
            init: find!("Init"),
            get_chat_data: find!("GetChatData"),
            decrypt_data: find!("DecryptData"),
            get_media_data: find!("GetMediaData"),
            destroy_sdk: find!("DestroySdk"),
            new_slice: find!("NewSlice"),
            free_slice: find!("FreeSlice"),
            get_content_from_slice: find!("GetContentFromSlice"),
            get_slice_len: find!("GetSliceLen"),
            new_media_data: find!("NewMediaData"),
            free_media_data: find!("FreeMediaData"),
            get_out_index_buf: find!("GetOutIndexBuf"),
            get_data: find!("GetData"),
            get_index_len: find!("GetIndexLen"),
            get_data_len: find!("GetDataLen"),
            is_media_data_finish: find!("IsMediaDataFinish"),
        })
    }
}

/// The library with one handle, used by one thread.
pub(super) struct Library {
    functions: Functions,
    sdk: NonNull<c_void>,
    proxy: CString,
    password: Zeroizing<Vec<u8>>,
    patience_s: c_int,
}

impl Library {
    /// Loads it and hands it Corp ID and secret.
    pub fn load(path: &Path, begin: &Begin) -> Result<Self, Answer> {
        let cannot = |why: String| Answer::CannotBegin(why);
        let bad = |_| Answer::Code(BAD_PARAMETER);
        // SAFETY: loading runs the library's initializers: foreign code, as everything here.
        // Locally, so that the OpenSSL inside of it does not become anybody else's.
        let library = unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(refused)?;
        let functions = Functions::of(&library).map_err(refused)?;
        // Unloading has been seen to crash; the process ends soon enough.
        std::mem::forget(library);
        let (proxy, password) = proxy_parts(begin);
        // SAFETY: takes nothing, gives a handle.
        let sdk = unsafe { (functions.new_sdk)() };
        let sdk = NonNull::new(sdk).ok_or_else(|| cannot("NewSdk gives no handle".to_owned()))?;
        let made = Self {
            functions,
            sdk,
            proxy: CString::new(proxy).map_err(bad)?,
            password: with_end(password.as_bytes()).ok_or(Answer::Code(BAD_PARAMETER))?,
            patience_s: c_int::try_from(begin.patience_s).unwrap_or(c_int::MAX),
        };
        let corpid = CString::new(begin.corpid.as_str()).map_err(bad)?;
        let secret = with_end(begin.secret.expose().as_bytes());
        let secret = secret.ok_or(Answer::Code(BAD_PARAMETER))?;
        // SAFETY: the handle is NewSdk's; both texts end in a zero and outlive the call.
        let code = unsafe {
            (made.functions.init)(made.sdk.as_ptr(), corpid.as_ptr(), secret.as_ptr().cast())
        };
        match code {
            0 => Ok(made),
            code => Err(Answer::Code(code)),
        }
    }

    /// Lets a call fill a slice and copies what is in it.
    fn slice(&self, fill: impl FnOnce(Opaque) -> c_int) -> Result<Vec<u8>, Answer> {
        let f = &self.functions;
        // SAFETY: takes nothing, gives an object of our own or null.
        let slice = unsafe { (f.new_slice)() };
        if slice.is_null() {
            return Err(Answer::Code(BAD_PARAMETER));
        }
        let code = fill(slice);
        let filled = match code {
            0 => Ok(copy(slice, f.get_content_from_slice, f.get_slice_len)),
            code => Err(Answer::Code(code)),
        };
        // SAFETY: made above, and nothing points into it any more.
        unsafe { (f.free_slice)(slice) };
        filled
    }
}

impl Sdk for Library {
    fn pull(&mut self, seq: u64, limit: u32) -> Answer {
        let page = self.slice(|slice| {
            // SAFETY: handle and slice are ours; the texts end in a zero and outlive the call.
            unsafe {
                (self.functions.get_chat_data)(
                    self.sdk.as_ptr(),
                    seq,
                    limit,
                    self.proxy.as_ptr(),
                    self.password.as_ptr().cast(),
                    self.patience_s,
                    slice,
                )
            }
        });
        page.map_or_else(|code| code, Answer::Page)
    }

    fn open(&mut self, sealed: &Sealed) -> Answer {
        let key = with_end(&sealed.key);
        let message = CString::new(sealed.message.as_str());
        let (Some(key), Ok(message)) = (key, message) else {
            return Answer::Code(BAD_PARAMETER);
        };
        let opened = self.slice(|slice| {
            // SAFETY: the slice is ours; both texts end in a zero and outlive the call.
            unsafe { (self.functions.decrypt_data)(key.as_ptr().cast(), message.as_ptr(), slice) }
        });
        opened.map_or_else(|code| code, Answer::Opened)
    }

    fn media(&mut self, fileid: &str, index: &str) -> Answer {
        let (Ok(fileid), Ok(index)) = (CString::new(fileid), CString::new(index)) else {
            return Answer::Code(BAD_PARAMETER);
        };
        let f = &self.functions;
        // SAFETY: takes nothing, gives an object of our own or null.
        let media = unsafe { (f.new_media_data)() };
        if media.is_null() {
            return Answer::Code(BAD_PARAMETER);
        }
        // SAFETY: handle and media object are ours; the texts end in a zero and outlive the
        // call.
        let code = unsafe {
            (f.get_media_data)(
                self.sdk.as_ptr(),
                index.as_ptr(),
                fileid.as_ptr(),
                self.proxy.as_ptr(),
                self.password.as_ptr().cast(),
                self.patience_s,
                media,
            )
        };
        let answer = if code == 0 {
            let index = copy(media, f.get_out_index_buf, f.get_index_len);
            // SAFETY: the media object is ours.
            let is_finished = unsafe { (f.is_media_data_finish)(media) } != 0;
            let next = (!is_finished).then(|| String::from_utf8_lossy(&index).into_owned());
            Answer::Stretch {
                data: copy(media, f.get_data, f.get_data_len),
                next,
            }
        } else {
            Answer::Code(code)
        };
        // SAFETY: made above, and nothing points into it any more.
        unsafe { (f.free_media_data)(media) };
        answer
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is NewSdk's, and this is its last use.
        unsafe { (self.functions.destroy_sdk)(self.sdk.as_ptr()) };
    }
}

/// What the loader says, which names file and function.
fn refused(error: libloading::Error) -> Answer {
    let told = std::error::Error::source(&error);
    Answer::CannotBegin(told.map_or_else(|| error.to_string(), ToString::to_string))
}

/// Copies what an object of the library points at.
fn copy(object: Opaque, bytes: Bytes, length: Length) -> Vec<u8> {
    // SAFETY: the object is one that the library made and we have not freed.
    let (start, length) = unsafe { (bytes(object), length(object)) };
    match usize::try_from(length) {
        Ok(length) if !start.is_null() && length > 0 => {
            // SAFETY: the library says that so many bytes are there; they are copied at once.
            unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) }.to_vec()
        }
        _ => Vec::new(),
    }
}

/// As a C text; none if there is a zero inside.
fn with_end(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if bytes.contains(&0) {
        return None;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    text.extend_from_slice(bytes);
    text.push(0);
    Some(text)
}

/// The proxy's address, and `user:password` for it, which the library wants apart.
fn proxy_parts(begin: &Begin) -> (String, Zeroizing<String>) {
    let proxy = begin.proxy.as_ref().map(|p| p.expose().as_str());
    let proxy = proxy.unwrap_or_default();
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    match rest.rsplit_once('@') {
        Some((user, host)) => (
            format!("{scheme}://{host}"),
            Zeroizing::new(user.to_owned()),
        ),
        None => (proxy.to_owned(), Zeroizing::default()),
    }
}
