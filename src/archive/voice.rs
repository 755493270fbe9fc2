//! Voice messages as a browser can play them. WeCom gives them out as AMR (WeCom documentation,
//! 获取会话内容, 语音), which none plays.

use codec_core::{
    codecs::amr::{AmrCodec, AmrFrameType, AmrPayloadFrame, AmrStorageReader, AmrVariant},
    types::{CodecConfig, CodecType, CodedFrame, VariableRateCodec},
};

/// How an AMR narrow-band file begins (RFC 4867, 5.1).
pub(super) const MAGIC: &[u8] = b"#!AMR\n";
/// Bytes of a file that is made playable: half an hour and more at the usual rate is left to be
/// downloaded.
pub(super) const BYTES_MAX: u64 = 1 << 20;
/// Frames of 20 ms: ten minutes. A voice message has one minute at most.
const FRAMES_MAX: usize = 10 * 60 * 50;
const SAMPLES_S: u32 = 8_000;
/// Bytes of a sample.
const SAMPLE: u32 = 2;

/// An AMR narrow-band file as WAV: 8,000 samples a second, 16 bits, one channel. A last frame
/// that was cut off is left out. None if nothing of it can be played, or if it is too long.
pub(super) fn wav(amr: &[u8]) -> Option<Vec<u8>> {
    let mut frames = AmrStorageReader::new(amr).ok()?;
    if frames.variant() != AmrVariant::NarrowBand {
        return None;
    }
    let mut codec = AmrCodec::new(&CodecConfig::new(CodecType::AmrNb)).ok()?;
    let mut samples = Vec::new();
    let mut count = 0;
    while let Ok(Some(frame)) = frames.next_frame() {
        count += 1;
        if count > FRAMES_MAX {
            return None;
        }
        let heard = codec.decode_frame(&coded(frame)).ok()?;
        samples.extend(heard.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    let length = u32::try_from(samples.len())
        .ok()
        .filter(|length| *length > 0)?;
    Some([&header(length)[..], &samples].concat())
}

fn coded(frame: AmrPayloadFrame) -> CodedFrame {
    let coded = match frame.frame_type {
        AmrFrameType::Speech(mode) => CodedFrame::speech(mode.index(), frame.data),
        AmrFrameType::Sid(_) => CodedFrame::comfort_noise(frame.data),
        AmrFrameType::NoData | AmrFrameType::SpeechLost => CodedFrame::no_data(),
    };
    CodedFrame {
        quality_ok: frame.quality_ok,
        ..coded
    }
}

/// The head of a WAV file with so many bytes of samples.
fn header(length: u32) -> Vec<u8> {
    let number = u32::to_le_bytes;
    [
        b"RIFF",
        &number(length.saturating_add(36))[..],
        b"WAVEfmt ",
        &number(16),
        // PCM, one channel.
        &[1, 0, 1, 0],
        &number(SAMPLES_S),
        &number(SAMPLES_S * SAMPLE),
        // Bytes and bits of a sample.
        &[2, 0, 16, 0],
        b"data",
        &number(length),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames of 12.2 kbit/s.
    fn amr(frames: usize) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        for _ in 0..frames {
            file.push(0x3c);
            file.extend([0; 31]);
        }
        file
    }

    #[test]
    fn a_second_is_eight_thousand_samples() {
        let wav = wav(&amr(50)).unwrap();
        assert_eq!(wav.len(), 44 + 16_000);
        assert_eq!((&wav[..4], &wav[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        assert_eq!(wav[4..8], 16_036u32.to_le_bytes());
        assert_eq!(wav[40..44], 16_000u32.to_le_bytes());
    }

    #[test]
    fn what_was_cut_off_is_played_as_far_as_it_goes() {
        let whole = amr(50);
        assert_eq!(wav(&whole[..whole.len() - 7]).unwrap().len(), 44 + 49 * 320);
    }

    #[test]
    fn what_is_no_voice_or_too_long_is_not_played() {
        assert_eq!(wav(b""), None);
        assert_eq!(wav(MAGIC), None);
        assert_eq!(wav(b"#!AMR-WB\n\x44"), None);
        assert_eq!(wav(b"RIFF....WAVE"), None);
        assert!(wav(&amr(FRAMES_MAX + 1)).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let file = [MAGIC, &bytes].concat();
            if let Some(wav) = wav(&file) {
                prop_assert!(wav.len() > 44 && (wav.len() - 44) % 320 == 0);
            }
        }
    }
}
